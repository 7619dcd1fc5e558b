package org.diffusionsoup.core;

import java.util.Locale;

/** Numbers with a fixed count of digits after the point, in which nothing is minus zero. */
public final class Decimals {
    private Decimals() {}

    /** Such as {@code -0.0123}; what rounds to zero is {@code 0.0000}. */
    public static String of(double value, int digits) {
        return withoutMinusZero(String.format(Locale.ROOT, "%." + digits + "f", value));
    }

    /**
     * With a plus sign where it is above zero, such as {@code +0.0123}; what rounds to zero has
     * that sign or none.
     */
    public static String signed(double value, int digits) {
        return withoutMinusZero(String.format(Locale.ROOT, "%+." + digits + "f", value));
    }

    private static String withoutMinusZero(String text) {
        return text.matches("-[0.]+") ? text.substring(1) : text;
    }
}
