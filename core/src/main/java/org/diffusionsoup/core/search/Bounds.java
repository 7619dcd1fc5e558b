package org.diffusionsoup.core.search;

/**
 * A number that is not known before scores are, between two that are.
 *
 * @param least what it is at least, 0 or more
 * @param most what it is at most
 */
public record Bounds(long least, long most) {
    /** Checks the order. */
    public Bounds {
        if (least < 0 || most < least) {
            throw new IllegalArgumentException(least + " to " + most);
        }
    }

    /** A number that is known. */
    public static Bounds exactly(long n) {
        return new Bounds(n, n);
    }

    /** Whether the number is known. */
    public boolean isExact() {
        return least == most;
    }

    /** The sum with another number. */
    public Bounds plus(Bounds other) {
        return new Bounds(least + other.least, most + other.most);
    }

    /**
     * As many times as much.
     *
     * @param n 0 or more
     */
    public Bounds times(long n) {
        return new Bounds(least * n, most * n);
    }
}
