package org.diffusionsoup.cli.console;

import java.util.Locale;

/** Numbers as a person reads them. */
public final class Quantity {
    private Quantity() {}

    /** A count with its digits up to 9,999, from there on in thousands, millions, billions. */
    public static String count(long n) {
        if (n < 10_000) {
            return String.format(Locale.ROOT, "%,d", n);
        }
        return n < 1_000_000
                ? scaled(n, 1e3, "k")
                : n < 1e9 ? scaled(n, 1e6, "M") : scaled(n, 1e9, "B");
    }

    /** A size in bytes, in kB, MB or GB of powers of 1,000. */
    public static String bytes(long n) {
        if (n < 1_000) {
            return n + " B";
        }
        return n < 1_000_000
                ? scaled(n, 1e3, "kB")
                : n < 1e9 ? scaled(n, 1e6, "MB") : scaled(n, 1e9, "GB");
    }

    private static String scaled(long n, double unit, String name) {
        double value = n / unit;
        return String.format(Locale.ROOT, value < 100 ? "%.1f %s" : "%.0f %s", value, name);
    }
}
