package org.diffusionsoup.core;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;

/**
 * A positive rational number k_i, in lowest terms: how much an ingredient counts. A list of them
 * need not sum to 1; the souper normalises.
 */
public record Coefficient(BigInteger numerator, BigInteger denominator) {
    /** For uniform soups: all ingredients count the same. */
    public static final Coefficient ONE = new Coefficient(BigInteger.ONE, BigInteger.ONE);

    /** Sums of integer coefficients up to here are exact in a double. */
    private static final BigInteger MAX_TOTAL = BigInteger.ONE.shiftLeft(53);

    private static final int DECIMALS = 12;

    /**
     * @throws SoupException if not positive
     */
    public Coefficient {
        if (numerator.signum() <= 0 || denominator.signum() <= 0) {
            throw new SoupException(
                    "A coefficient must be above 0, but one is "
                            + numerator
                            + (denominator.equals(BigInteger.ONE) ? "" : "/" + denominator)
                            + ".");
        }
        BigInteger gcd = numerator.gcd(denominator);
        numerator = numerator.divide(gcd);
        denominator = denominator.divide(gcd);
    }

    /**
     * Reads {@code 2}, {@code 0.25} or {@code 1/3}, exactly.
     *
     * @throws SoupException if the text is no such number, or not above 0
     */
    public static Coefficient parse(String text) {
        String[] parts = text.strip().split("/", -1);
        try {
            if (text.length() > 100 || parts.length > 2) {
                throw new NumberFormatException();
            }
            BigDecimal a = decimal(parts[0]);
            BigDecimal b = parts.length == 2 ? decimal(parts[1]) : BigDecimal.ONE;
            if (b.signum() == 0) {
                throw new NumberFormatException("divided by 0");
            }
            int scale = Math.max(0, Math.max(a.scale(), b.scale()));
            BigDecimal power = BigDecimal.ONE.scaleByPowerOfTen(scale);
            return new Coefficient(
                    a.multiply(power).toBigIntegerExact(), b.multiply(power).toBigIntegerExact());
        } catch (NumberFormatException e) {
            throw new SoupException(
                    "'" + text + "' is no coefficient; write a number such as 2, 0.25 or 1/3.", e);
        }
    }

    private static BigDecimal decimal(String s) {
        BigDecimal d = new BigDecimal(s.strip());
        if (Math.abs((long) d.scale()) > 100) {
            throw new SoupException(
                    "The coefficient "
                            + Visible.shortened(s.strip())
                            + " is too small or too large: exponents go from -100 to 100.");
        }
        return d;
    }

    /**
     * A coefficient found by a search: the value rounded to 12 decimals, so that the recipe states
     * exactly what was used.
     *
     * @throws SoupException if not finite, or not above 0 after rounding
     */
    public static Coefficient of(double value) {
        if (!Double.isFinite(value)) {
            throw new SoupException(
                    "A coefficient must be a finite number, but one is " + value + ".");
        }
        BigDecimal rounded = new BigDecimal(value).setScale(DECIMALS, RoundingMode.HALF_EVEN);
        return parse(rounded.toPlainString());
    }

    public Coefficient plus(Coefficient other) {
        return new Coefficient(
                numerator.multiply(other.denominator).add(other.numerator.multiply(denominator)),
                denominator.multiply(other.denominator));
    }

    public Coefficient times(Coefficient other) {
        return new Coefficient(
                numerator.multiply(other.numerator), denominator.multiply(other.denominator));
    }

    public Coefficient dividedBy(Coefficient other) {
        return times(new Coefficient(other.denominator, other.numerator));
    }

    /** The double closest to it, up to the last bit. */
    public double value() {
        return new BigDecimal(numerator)
                .divide(new BigDecimal(denominator), MathContext.DECIMAL64)
                .doubleValue();
    }

    /** Such as {@code 1/3} or {@code 2}; what {@link #parse} reads. */
    @Override
    public String toString() {
        return denominator.equals(BigInteger.ONE) ? "" + numerator : numerator + "/" + denominator;
    }

    /**
     * The smallest positive integers in the same proportions: k_i = a_i / sum(a).
     *
     * @throws SoupException if there are none, or their sum passes 2^53
     */
    public static long[] integers(List<Coefficient> coefficients) {
        BigInteger common = BigInteger.ONE;
        for (Coefficient c : coefficients) {
            common = common.divide(common.gcd(c.denominator)).multiply(c.denominator);
        }
        BigInteger gcd = BigInteger.ZERO;
        BigInteger total = BigInteger.ZERO;
        BigInteger[] scaled = new BigInteger[coefficients.size()];
        for (int i = 0; i < scaled.length; i++) {
            Coefficient c = coefficients.get(i);
            scaled[i] = c.numerator.multiply(common.divide(c.denominator));
            gcd = gcd.gcd(scaled[i]);
            total = total.add(scaled[i]);
        }
        if (total.signum() == 0) {
            throw new SoupException("A soup needs at least one ingredient.");
        }
        if (total.divide(gcd).compareTo(MAX_TOTAL) > 0) {
            throw new SoupException(
                    "The coefficients cannot be used exactly: in whole numbers of the same proportions"
                            + " they add up to more than 2^53; round them to at most 12 decimals,"
                            + " or to proportions of fewer digits.");
        }
        long[] a = new long[scaled.length];
        for (int i = 0; i < a.length; i++) {
            a[i] = scaled[i].divide(gcd).longValueExact();
        }
        return a;
    }
}
