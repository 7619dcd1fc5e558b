package org.diffusionsoup.core.method;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;

/** A rational number of either sign, in lowest terms: a number of a recipe, exactly as written. */
public record Rational(BigInteger numerator, BigInteger denominator)
        implements Comparable<Rational> {
    public static final Rational ZERO = of(0);
    public static final Rational ONE = of(1);

    private static final int LONGEST = 100;

    /**
     * @throws SoupException if the denominator is 0
     */
    public Rational {
        if (denominator.signum() == 0) {
            throw new SoupException("A number of a recipe has a denominator of 0.");
        }
        if (denominator.signum() < 0) {
            numerator = numerator.negate();
            denominator = denominator.negate();
        }
        BigInteger gcd = numerator.gcd(denominator);
        numerator = numerator.divide(gcd);
        denominator = denominator.divide(gcd);
    }

    /** A whole number. */
    public static Rational of(long value) {
        return new Rational(BigInteger.valueOf(value), BigInteger.ONE);
    }

    /**
     * Reads {@code 2}, {@code -0.25}, {@code 1e-6} or {@code 1/3}, exactly.
     *
     * @throws SoupException if the text is no such number, or has too many digits
     */
    public static Rational parse(String text) {
        try {
            String[] parts = text.strip().split("/", -1);
            if (text.length() > LONGEST || parts.length > 2) {
                throw new NumberFormatException();
            }
            Rational a = decimal(parts[0]);
            if (parts.length == 1) {
                return a;
            }
            Rational b = decimal(parts[1]);
            if (b.signum() == 0) {
                throw new NumberFormatException("divided by 0");
            }
            return new Rational(
                    a.numerator.multiply(b.denominator), a.denominator.multiply(b.numerator));
        } catch (NumberFormatException e) {
            throw new SoupException(
                    "'" + text + "' is no number; write one such as 2, 0.25, 1e-6 or 1/3.", e);
        }
    }

    private static Rational decimal(String s) {
        BigDecimal d = new BigDecimal(s.strip());
        if (Math.abs((long) d.scale()) > LONGEST) {
            throw new SoupException(
                    "The number "
                            + Visible.shortened(s.strip())
                            + " is too small or too large: exponents go from -100 to 100.");
        }
        return d.scale() >= 0
                ? new Rational(d.unscaledValue(), BigInteger.TEN.pow(d.scale()))
                : new Rational(d.toBigIntegerExact(), BigInteger.ONE);
    }

    /** -1, 0 or 1. */
    public int signum() {
        return numerator.signum();
    }

    /** The product. */
    public Rational times(Rational other) {
        return new Rational(
                numerator.multiply(other.numerator), denominator.multiply(other.denominator));
    }

    /** The sum. */
    public Rational plus(Rational other) {
        return new Rational(
                numerator.multiply(other.denominator).add(other.numerator.multiply(denominator)),
                denominator.multiply(other.denominator));
    }

    /** The difference. */
    public Rational minus(Rational other) {
        return plus(new Rational(other.numerator.negate(), other.denominator));
    }

    /** This divided by the other, which is not 0. */
    public Rational over(Rational other) {
        return new Rational(
                numerator.multiply(other.denominator), denominator.multiply(other.numerator));
    }

    /** Nearest double, by way of 34 decimal digits. */
    public double doubleValue() {
        return new BigDecimal(numerator)
                .divide(new BigDecimal(denominator), MathContext.DECIMAL128)
                .doubleValue();
    }

    @Override
    public int compareTo(Rational other) {
        return minus(other).signum();
    }

    /** Such as {@code 1/3} or {@code -2}; what {@link #parse} reads. */
    @Override
    public String toString() {
        return denominator.equals(BigInteger.ONE) ? "" + numerator : numerator + "/" + denominator;
    }
}
