package org.diffusionsoup.data;

import java.util.List;

/** Lists of names in messages: a few of them, and how many there are. */
final class Names {
    private static final int SHOWN = 10;

    private Names() {}

    /**
     * For example {@code row a}, {@code 3 rows (a, b, c)} or {@code 40 rows (a, b, ... and 30
     * more)}.
     *
     * @param noun in the singular; takes an 's' for several
     * @param names at least one
     */
    static String of(String noun, List<String> names) {
        if (names.size() == 1) {
            return noun + " " + names.getFirst();
        }
        String shown = String.join(", ", names.subList(0, Math.min(SHOWN, names.size())));
        return "%d %ss (%s%s)"
                .formatted(
                        names.size(),
                        noun,
                        shown,
                        names.size() > SHOWN
                                ? ", ... and " + (names.size() - SHOWN) + " more"
                                : "");
    }
}
