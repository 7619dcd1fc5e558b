package org.diffusionsoup.report;

import java.util.Locale;

/** Numbers as a reader wants them: true minus signs, no negative zero. */
final class Numbers {
    private Numbers() {}

    static String fixed(double value, int digits) {
        if (!Double.isFinite(value)) {
            return "–";
        }
        String text = String.format(Locale.ROOT, "%." + digits + "f", value);
        boolean zero = text.chars().noneMatch(c -> c >= '1' && c <= '9');
        if (zero && text.startsWith("-")) {
            return text.substring(1);
        }
        return text.replace('-', '−');
    }

    static String signed(double value, int digits) {
        String text = fixed(value, digits);
        boolean zero = text.chars().noneMatch(c -> c >= '1' && c <= '9');
        return value > 0 && !zero ? "+" + text : text;
    }

    static String percent(double share) {
        double percent = share * 100;
        return fixed(percent, percent == Math.rint(percent) ? 0 : 1) + " %";
    }

    /** A value on its own, to about four significant digits. */
    static String significant(double value) {
        double size = Math.abs(value);
        if (size == 0) {
            return "0";
        }
        if (size < 1e-3 || size >= 1e6) {
            return String.format(Locale.ROOT, "%.2e", value).replace('-', '−');
        }
        int digits = Math.max(0, 3 - (int) Math.floor(Math.log10(size)));
        return fixed(value, digits);
    }

    /** A coordinate in an SVG: two digits, no trailing zeros. */
    static String coordinate(double value) {
        long hundredths = Math.round(value * 100);
        if (hundredths % 100 == 0) {
            return Long.toString(hundredths / 100);
        }
        String text = String.format(Locale.ROOT, "%.2f", hundredths / 100.0);
        return text.endsWith("0") ? text.substring(0, text.length() - 1) : text;
    }
}
