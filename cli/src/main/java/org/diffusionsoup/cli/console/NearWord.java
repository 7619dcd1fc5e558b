package org.diffusionsoup.cli.console;

import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/** What a mistyped word was probably meant to be. */
public final class NearWord {
    private NearWord() {}

    /** The known word with the fewest edits from the given one, where that is few enough. */
    public static Optional<String> of(String word, Stream<String> known) {
        return known.filter(k -> distance(word, k) <= Math.max(1, word.length() / 3))
                .min(Comparator.comparingInt(k -> distance(word, k)));
    }

    /** Edits between two words: insert, delete, replace, or swap neighbours. */
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replace = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] =
                        Math.min(d[i - 1][j - 1] + replace, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
                boolean swapped =
                        i > 1
                                && j > 1
                                && a.charAt(i - 1) == b.charAt(j - 2)
                                && a.charAt(i - 2) == b.charAt(j - 1);
                if (swapped) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
