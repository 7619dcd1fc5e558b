package org.diffusionsoup.cli.console;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;

/** Numbers as a person reads them. */
public final class Quantity {
    private static final Pattern SIZE = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([KMGT]?)(I?)B?");

    private Quantity() {}

    /** A count with its digits up to 9,999, from there on in thousands, millions, billions. */
    public static String count(long n) {
        if (n < 1_000) {
            return Long.toString(n);
        }
        if (n < 10_000) {
            return n / 1_000 + "," + Long.toString(1_000 + n % 1_000).substring(1);
        }
        return n < 1_000_000
                ? scaled(n, 1e3, "k")
                : n < 1e9 ? scaled(n, 1e6, "M") : scaled(n, 1e9, "B");
    }

    /**
     * A number of things: {@code 1 picture}, {@code 2 pictures}.
     *
     * @param thing its name, whose plural ends in s
     */
    public static String of(long n, String thing) {
        return Plural.of(n, thing);
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

    /**
     * The bytes that a text such as {@code 5GB}, {@code 500 MB} or {@code 4096} means, in powers of
     * 1,000, or of 1,024 when written as {@code GiB}.
     *
     * @throws SoupException if it means none
     */
    public static long parse(String text) {
        Matcher m = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
        if (!m.matches()) {
            throw new SoupException("'" + text + "' is no size; write one such as 5GB or 500MB.");
        }
        long step = m.group(3).isEmpty() ? 1_000 : 1_024;
        int power = " KMGT".indexOf(m.group(2).isEmpty() ? " " : m.group(2));
        double bytes = Double.parseDouble(m.group(1)) * Math.pow(step, power);
        if (bytes > 1e18) {
            throw new SoupException("'" + text + "' is larger than any file.");
        }
        return (long) bytes;
    }

    /** A time from 0 on with a digit for tenths of a second: {@code 2.5 s}. */
    public static String seconds(double seconds) {
        return rounded(seconds, 1) + " s";
    }

    private static String scaled(long n, double unit, String name) {
        double value = n / unit;
        return rounded(value, value < 100 ? 1 : 0) + " " + name;
    }

    /**
     * As {@code %.1f} or {@code %.0f}, which load a locale's symbols at every start; what that
     * costs is in docs/adr/0008-start-up.md.
     */
    private static String rounded(double value, int digits) {
        if (digits == 0) {
            return Long.toString(Math.round(value));
        }
        long tenths = Math.round(value * 10);
        return tenths / 10 + "." + tenths % 10;
    }
}
