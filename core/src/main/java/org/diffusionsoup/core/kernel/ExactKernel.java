package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * The plain reference: integers of any length, one division, one rounding. Slow (about a
 * microsecond an element); the fast kernel turns to it for the rare element it cannot decide.
 */
public final class ExactKernel implements AverageKernel {
    private final FloatFormat[] in;
    private final FloatFormat format;
    private final boolean allowNonFinite;
    private final BigInteger[] a;
    private final BigInteger total;
    private final double[] w;

    public ExactKernel(Spec spec) {
        this.in = spec.in().toArray(FloatFormat[]::new);
        this.format = spec.out();
        this.allowNonFinite = spec.allowNonFinite();
        this.a = spec.a().stream().map(BigInteger::valueOf).toArray(BigInteger[]::new);
        this.total = BigInteger.valueOf(spec.total());
        this.w = new double[a.length];
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        for (int j = 0; j < count; j++) {
            if (!averageOne(inputs, out, j)) {
                return false;
            }
        }
        return true;
    }

    boolean averageOne(MemorySegment[] inputs, MemorySegment out, int j) {
        int unit = Integer.MAX_VALUE;
        double nonFinite = 0;
        boolean allNegativeZero = true;
        for (int i = 0; i < a.length; i++) {
            w[i] = in[i].get(inputs[i], j);
            if (!Double.isFinite(w[i])) {
                if (!allowNonFinite) {
                    return false;
                }
                nonFinite += w[i];
            }
            allNegativeZero &= Double.doubleToRawLongBits(w[i]) == Long.MIN_VALUE;
            unit = Math.min(unit, unitOf(w[i]));
        }
        if (nonFinite != 0) { // true for NaN
            format.put(out, j, nonFinite);
            return true;
        }
        BigInteger sum = BigInteger.ZERO;
        for (int i = 0; i < a.length; i++) {
            BigInteger m = BigInteger.valueOf(mantissaOf(w[i]));
            sum = sum.add(m.multiply(a[i]).shiftLeft(unitOf(w[i]) - unit));
        }
        double result =
                sum.signum() == 0
                        ? (allNegativeZero ? -0.0 : 0.0)
                        : round(sum, unit, total, format);
        format.put(out, j, result);
        return true;
    }

    /**
     * Rounds sum * 2^unit / total to the format.
     *
     * @throws NarrowingOverflow if it is too large
     */
    public static double round(BigInteger sum, int unit, BigInteger total, FloatFormat format) {
        BigInteger n = sum.abs();
        // One bit more or less than the quotient has; the loop settles which.
        int bits = n.bitLength() + unit - total.bitLength();
        int u = Math.max(bits - format.precision, format.unit);
        BigInteger[] qr;
        BigInteger divisor;
        while (true) {
            int shift = unit - u;
            BigInteger dividend = shift >= 0 ? n.shiftLeft(shift) : n;
            divisor = shift >= 0 ? total : total.shiftLeft(-shift);
            qr = dividend.divideAndRemainder(divisor);
            if (qr[0].bitLength() <= format.precision) {
                break;
            }
            u++;
        }
        int half = qr[1].shiftLeft(1).compareTo(divisor);
        boolean up = half > 0 || (half == 0 && qr[0].testBit(0));
        long q = qr[0].longValueExact() + (up ? 1 : 0);
        double value = Math.scalb((double) q, u);
        if (value > format.max) {
            throw new NarrowingOverflow();
        }
        return sum.signum() < 0 ? -value : value;
    }

    /** The exponent e of w = m * 2^e with the integer m of {@link #mantissaOf}. */
    static int unitOf(double w) {
        return Math.max(Math.getExponent(w), Double.MIN_EXPONENT) - 52;
    }

    static long mantissaOf(double w) {
        long bits = Double.doubleToRawLongBits(w);
        long m = bits & 0xf_ffff_ffff_ffffL;
        if (Math.getExponent(w) >= Double.MIN_EXPONENT) {
            m |= 1L << 52;
        }
        return bits < 0 ? -m : m;
    }
}
