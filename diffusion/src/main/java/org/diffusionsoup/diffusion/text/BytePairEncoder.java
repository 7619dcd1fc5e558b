package org.diffusionsoup.diffusion.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Splits one word of byte characters into the symbols of a ranked merge list. Thread-safe. */
final class BytePairEncoder {
    /** What CLIP appends to the last character of a word. */
    static final String END_OF_WORD = "</w>";

    private static final int CACHE_LIMIT = 1 << 16;

    record Pair(String left, String right) {
        String joined() {
            return left + right;
        }
    }

    private final Map<Pair, Integer> ranks;
    private final Map<String, List<String>> cache = new ConcurrentHashMap<>();

    BytePairEncoder(List<Pair> merges) {
        ranks = HashMap.newHashMap(merges.size());
        for (int i = 0; i < merges.size(); i++) {
            ranks.put(merges.get(i), i);
        }
    }

    /**
     * The symbols of a non-empty word given as byte characters; the last one ends in {@code </w>}.
     */
    List<String> split(String word) {
        List<String> known = cache.get(word);
        if (known != null) {
            return known;
        }
        List<String> symbols = List.copyOf(merge(word));
        // Captions repeat their words, so remembering them pays; a bound keeps hostile text
        // harmless.
        if (cache.size() < CACHE_LIMIT) {
            cache.put(word, symbols);
        }
        return symbols;
    }

    private List<String> merge(String word) {
        List<String> symbols = new ArrayList<>(word.length());
        for (int i = 0; i < word.length(); i++) {
            symbols.add(word.substring(i, i + 1));
        }
        symbols.set(symbols.size() - 1, symbols.getLast() + END_OF_WORD);
        while (symbols.size() > 1) {
            int bestRank = Integer.MAX_VALUE;
            int bestAt = -1;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                int rank =
                        ranks.getOrDefault(
                                new Pair(symbols.get(i), symbols.get(i + 1)), Integer.MAX_VALUE);
                if (rank < bestRank) {
                    bestRank = rank;
                    bestAt = i;
                }
            }
            if (bestAt < 0) {
                break;
            }
            symbols = mergeAll(symbols, new Pair(symbols.get(bestAt), symbols.get(bestAt + 1)));
        }
        return symbols;
    }

    private static List<String> mergeAll(List<String> symbols, Pair pair) {
        List<String> out = new ArrayList<>(symbols.size());
        for (int i = 0; i < symbols.size(); i++) {
            if (i + 1 < symbols.size()
                    && symbols.get(i).equals(pair.left())
                    && symbols.get(i + 1).equals(pair.right())) {
                out.add(pair.joined());
                i++;
            } else {
                out.add(symbols.get(i));
            }
        }
        return out;
    }
}
