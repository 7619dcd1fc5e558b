package org.diffusionsoup.diffusion.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Learns a small byte-pair vocabulary from captions, in CLIP's file format.
 *
 * <p>The algorithm is byte-pair encoding of words (Sennrich et al. 2016) over CLIP's byte alphabet:
 * the most frequent neighbouring pair becomes a symbol, again and again. The result depends only on
 * how often each word occurs, not on the order of the captions.
 */
public final class BpeTrainer {
    /** A pair seen once teaches nothing: it would only memorise a caption. */
    private static final int MINIMUM_COUNT = 2;

    private final List<String> symbols = new ArrayList<>();
    private final Map<String, Integer> idOfSymbol = new HashMap<>();
    private final List<int[]> words = new ArrayList<>();
    private final List<Long> wordCounts = new ArrayList<>();
    private final Map<Long, Long> pairCounts = new HashMap<>();
    private final Set<Long> refused = new HashSet<>();

    private BpeTrainer(Map<String, Long> countOfWord) {
        for (String symbol : ByteAlphabet.symbols()) {
            add(symbol);
        }
        for (String symbol : ByteAlphabet.symbols()) {
            add(symbol + BytePairEncoder.END_OF_WORD);
        }
        countOfWord.forEach((word, count) -> {
            words.add(firstSymbols(TextCleaning.byteCharacters(word)));
            wordCounts.add(count);
        });
        for (int i = 0; i < words.size(); i++) {
            countPairs(words.get(i), wordCounts.get(i));
        }
    }

    /**
     * Learns a vocabulary.
     *
     * @param captions the texts to learn from
     * @param merges how many symbols to add to the 512 byte symbols, at most CLIP's 48894; fewer
     *     are added where no pair is left that occurs twice
     * @return 256 bytes, the same 256 at a word's end, the merges, then the start and end token
     * @throws IllegalArgumentException if {@code merges} is out of range
     */
    public static BpeVocabulary train(Iterable<String> captions, int merges) {
        if (merges < 0 || merges > BpeVocabulary.MAXIMUM_MERGES) {
            throw new IllegalArgumentException(
                    merges
                            + " merges asked for: give 0 to "
                            + BpeVocabulary.MAXIMUM_MERGES
                            + ", the most that CLIP's tokenizer reads.");
        }
        Map<String, Long> countOfWord = new TreeMap<>();
        for (String caption : captions) {
            for (String word : TextCleaning.words(TextCleaning.likeHuggingFace(caption))) {
                if (!word.equals(TextCleaning.START_OF_TEXT)
                        && !word.equals(TextCleaning.END_OF_TEXT)) {
                    countOfWord.merge(word, 1L, Long::sum);
                }
            }
        }
        return new BpeTrainer(countOfWord).learn(merges);
    }

    private BpeVocabulary learn(int merges) {
        List<BytePairEncoder.Pair> learnt = new ArrayList<>();
        while (learnt.size() < merges) {
            long best = mostFrequentPair();
            if (best < 0) {
                break;
            }
            var pair = new BytePairEncoder.Pair(left(best), right(best));
            if (idOfSymbol.containsKey(pair.joined())) {
                // Another pair already made this symbol; a second id for it would not survive
                // the vocabulary file, where symbols are keys.
                refused.add(best);
                continue;
            }
            learnt.add(pair);
            merge(best, add(pair.joined()));
        }
        return new BpeVocabulary(learnt);
    }

    private int add(String symbol) {
        idOfSymbol.put(symbol, symbols.size());
        symbols.add(symbol);
        return symbols.size() - 1;
    }

    private int[] firstSymbols(String word) {
        int[] out = new int[word.length()];
        for (int i = 0; i < out.length; i++) {
            String symbol = word.substring(i, i + 1);
            boolean last = i == out.length - 1;
            String key = last ? symbol + BytePairEncoder.END_OF_WORD : symbol;
            out[i] = Objects.requireNonNull(idOfSymbol.get(key), key);
        }
        return out;
    }

    /** The pair of the highest count; among equals the first by its two symbols' text. */
    private long mostFrequentPair() {
        long best = -1;
        long bestCount = MINIMUM_COUNT - 1;
        for (Map.Entry<Long, Long> entry : pairCounts.entrySet()) {
            long pair = entry.getKey();
            long count = entry.getValue();
            boolean tie = count == bestCount && best >= 0;
            boolean better = count > bestCount || (tie && precedes(pair, best));
            if (better && !refused.contains(pair)) {
                best = pair;
                bestCount = count;
            }
        }
        return best;
    }

    private boolean precedes(long a, long b) {
        int byLeft = left(a).compareTo(left(b));
        return byLeft != 0 ? byLeft < 0 : right(a).compareTo(right(b)) < 0;
    }

    private void merge(long pair, int symbol) {
        int first = (int) (pair >>> 32);
        int second = (int) pair;
        for (int w = 0; w < words.size(); w++) {
            int[] word = words.get(w);
            int[] merged = new int[word.length];
            int length = 0;
            for (int i = 0; i < word.length; i++) {
                if (i + 1 < word.length && word[i] == first && word[i + 1] == second) {
                    merged[length++] = symbol;
                    i++;
                } else {
                    merged[length++] = word[i];
                }
            }
            if (length < word.length) {
                int[] shorter = Arrays.copyOf(merged, length);
                countPairs(word, -wordCounts.get(w));
                countPairs(shorter, wordCounts.get(w));
                words.set(w, shorter);
            }
        }
    }

    private void countPairs(int[] word, long count) {
        for (int i = 0; i + 1 < word.length; i++) {
            long pair = ((long) word[i] << 32) | word[i + 1];
            if (pairCounts.merge(pair, count, Long::sum) == 0) {
                pairCounts.remove(pair);
            }
        }
    }

    private String left(long pair) {
        return symbols.get((int) (pair >>> 32));
    }

    private String right(long pair) {
        return symbols.get((int) pair);
    }
}
