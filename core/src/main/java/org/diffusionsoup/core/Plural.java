package org.diffusionsoup.core;

/** Numbers of things as a person writes them: {@code 1 row}, {@code 2,000 rows}. */
public final class Plural {
    private Plural() {}

    /**
     * A number of things whose plural ends in s.
     *
     * @param thing its name in the singular, such as {@code "near-duplicate pair"}
     */
    public static String of(long n, String thing) {
        return of(n, thing, thing + "s");
    }

    /**
     * A number of things.
     *
     * @param one what follows a 1, such as {@code "entry"} or {@code "thing is"}
     * @param several what follows every other number
     */
    public static String of(long n, String one, String several) {
        return grouped(n) + " " + (n == 1 ? one : several);
    }

    /**
     * A thing with the article that it takes: {@code a shard}, {@code an evaluation}, {@code an
     * SDXL checkpoint}, {@code a UNet}.
     */
    public static String one(String thing) {
        // Letters that are read one by one, of which some begin with a vowel when they are.
        boolean spelt = thing.matches("[A-Z]{2}.*") && !thing.startsWith("UN");
        boolean vowel =
                spelt
                        ? "AEFHILMNORSX".indexOf(thing.charAt(0)) >= 0
                        : thing.matches("[AEIOaeio].*|[Uu](?!ni|Ne|se).*");
        return (vowel ? "an " : "a ") + thing;
    }

    /** A number's digits with a comma before every three; without a locale's symbols. */
    public static String grouped(long n) {
        StringBuilder digits = new StringBuilder(Long.toString(n));
        int first = n < 0 ? 1 : 0;
        for (int at = digits.length() - 3; at > first; at -= 3) {
            digits.insert(at, ',');
        }
        return digits.toString();
    }
}
