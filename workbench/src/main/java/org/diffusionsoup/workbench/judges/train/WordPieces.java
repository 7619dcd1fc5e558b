package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Makes a small {@code vocab.txt} for BERT's tokenizer: every word that occurs twice, endings that
 * many words share, and all characters, so that no word of these alphabets is unknown.
 */
final class WordPieces {
    private static final int ENDING_WORDS = 5;

    private WordPieces() {}

    /**
     * The vocabulary of some texts; the order of the texts does not matter.
     *
     * @return tokens in the order of their ids, BLIP's own two among the special ones
     */
    static List<String> of(Collection<String> texts) {
        Map<String, Integer> words = new TreeMap<>();
        Set<String> characters = new TreeSet<>();
        for (char c = '!'; c <= '~'; c++) {
            if (!Character.isUpperCase(c)) {
                characters.add(Character.toString(c));
            }
        }
        for (String text : texts) {
            for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")) {
                if (!word.isEmpty()) {
                    words.merge(word, 1, Integer::sum);
                    word.codePoints().mapToObj(Character::toString).forEach(characters::add);
                }
            }
        }
        Set<String> out =
                new LinkedHashSet<>(
                        List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]"));
        out.addAll(characters);
        characters.forEach(c -> out.add("##" + c));
        words.entrySet().stream()
                .filter(e -> e.getValue() >= 2)
                .sorted(
                        Comparator.comparingInt((Map.Entry<String, Integer> e) -> -e.getValue())
                                .thenComparing(Map.Entry::getKey))
                .forEach(e -> out.add(e.getKey()));
        endings(words.keySet()).forEach(e -> out.add("##" + e));
        return new ArrayList<>(out);
    }

    private static List<String> endings(Set<String> words) {
        Map<String, Integer> counts = new TreeMap<>();
        for (String word : words) {
            for (int length = 2; length <= 6 && length < word.length() - 1; length++) {
                counts.merge(word.substring(word.length() - length), 1, Integer::sum);
            }
        }
        return counts.entrySet().stream()
                .filter(e -> e.getValue() >= ENDING_WORDS || words.contains(e.getKey()))
                .map(Map.Entry::getKey)
                .toList();
    }
}
