package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * Means of BF16 ingredients by additions in double that need no look at their rounding errors,
 * because there are none.
 *
 * <p>A BF16 has 8 bits and a double 53. Where all values but the zeros of a block have magnitudes
 * from a bound l = 2^e on, they are multiples of l's last place, 2^(e-7). Where they are also below
 * 2^8, every partial sum, in any order, is such a multiple, of magnitude 2^8 sum a_i at most. A
 * double has the bits for that if l is sum a_i times 2^-38 or more: some 10^-10 for ten
 * ingredients. Nearly all blocks of weights keep within these bounds, which their bits tell before
 * anything is added, four values at a time. Other blocks, those with infinities or NaN among them,
 * go to {@link NarrowKernel}.
 *
 * <p>The quotient rounded to double, rounded once more to BF16, is the exact mean rounded once. For
 * let s = m 2^k be the sum with |m| < 2^53, q = s / total in [2^f, 2^(f+1)), and h a midpoint of
 * two BF16 next to q. If q is not h, then |q - h| = |s - total h| / total, whose numerator is a
 * multiple of 2^k or of h's last bit, 2^(f-8). In the first case total 2^f <= |s| < 2^(k+53) gives
 * |q - h| > 2^(f-53); in the second total < 2^13 does. Half a unit of q as a double is 2^(f-53), so
 * rounding q to double cannot reach h from either side. No mean is subnormal: but for 0 it is l's
 * last place over total at least.
 */
final class BrainKernel implements AverageKernel {
    private static final int BLOCK = NarrowKernel.BLOCK;

    /** Magnitudes are below 2^8. */
    private static final int BELOW = 8;

    /** Coefficients add up to less than 2^13. */
    private static final long MOST = 1 << 13;

    private static final long BEYOND = (0x8000 - (127 + BELOW << 7)) * HalfSums.EACH;

    /** What a double's exponent has more than a BF16's, at the place of a double's. */
    private static final long REBIAS = (long) (Double.MAX_EXPONENT - 127) << 52;

    private static final int CUT = 52 - 7;
    private static final long HALF = (1L << (CUT - 1)) - 1;

    private final double[] a;
    private final double total;
    private final long least;
    private final NarrowKernel narrow;
    private final int[] pairs = new int[BLOCK / 2];
    private final MemorySegment pairsMemory = MemorySegment.ofArray(pairs);
    private final int[] even = new int[BLOCK / 2];
    private final MemorySegment evenMemory = MemorySegment.ofArray(even);
    private final int[] odd = new int[BLOCK / 2];
    private final MemorySegment oddMemory = MemorySegment.ofArray(odd);
    private final float[][] floats = new float[4][BLOCK];
    private final MemorySegment[] floatsMemory = new MemorySegment[4];
    private final double[] sum = new double[BLOCK];
    private final MemorySegment sumMemory = MemorySegment.ofArray(sum);
    private final long[] wide = new long[BLOCK];
    private final MemorySegment wideMemory = MemorySegment.ofArray(wide);

    /** Whether the proof holds for these formats and coefficients. */
    static boolean suits(Spec spec) {
        if (spec.out() != FloatFormat.BF16 || spec.mayOverflow() || spec.total() >= MOST) {
            return false;
        }
        for (FloatFormat f : spec.in()) {
            if (f != FloatFormat.BF16) {
                return false;
            }
        }
        return NarrowKernel.suits(spec);
    }

    BrainKernel(Spec spec) {
        this.a = spec.a().stream().mapToDouble(Long::doubleValue).toArray();
        this.total = spec.total();
        // the power of two above the total, so that no sum reaches 2^53 units
        int e = Long.SIZE - Long.numberOfLeadingZeros(spec.total());
        this.least = (127 + BELOW + e + 7 - 53 << 7) * HalfSums.EACH;
        this.narrow = new NarrowKernel(spec);
        Arrays.setAll(floatsMemory, i -> MemorySegment.ofArray(floats[i]));
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        for (int at = 0; at < count; at += BLOCK) {
            int n = Math.min(BLOCK, count - at);
            if (add(inputs, at, n)) {
                FastKernel.divide(sum, total, n);
                // the compiler does not vectorise loops that look at a double's bits
                MemorySegment.copy(sumMemory, 0, wideMemory, 0, n * 8L);
                round(wide, pairs, n / 2);
                FloatCodec.store32(pairsMemory, out, at * 2L, n / 2);
            } else if (!narrow.block(inputs, out, at, n)) {
                return false;
            }
        }
        return true;
    }

    /** Adds up n elements; false if that is not exact here. */
    private boolean add(MemorySegment[] inputs, int at, int n) {
        if (n % 4 != 0) {
            return false; // they are looked at by fours; only a tensor's last block can be uneven
        }
        for (MemorySegment in : inputs) {
            if ((anyOutside(in, at * 2L, least, n / 4) & HalfSums.CARRIES) != 0) {
                return false;
            }
        }
        Arrays.fill(sum, 0, n, -0.0); // the neutral element: -0 + -0 is -0, -0 + 0 is 0
        int members;
        for (int i = 0; i < a.length; i += members) {
            members = HalfSums.together(a.length - i);
            for (int m = 0; m < members; m++) {
                load(inputs[i + m], at, floatsMemory[m], n);
            }
            SpanSums.addTogether(floats, a, i, members, sum, n);
        }
        return true;
    }

    /**
     * Carries where |w| is 2^8 or more, or below {@code least} but not 0, four at a time: a float's
     * bits are ordered as its magnitude is.
     */
    private static long anyOutside(MemorySegment s, long at, long least, int n) {
        long any = 0;
        for (int j = 0; j < n; j++) {
            long w = s.get(FloatCodec.I64, at + 8L * j) & HalfSums.MAGNITUDES;
            long atLeast = (w | HalfSums.CARRIES) - least;
            long nonZero = w + HalfSums.MAGNITUDES;
            any |= (w + BEYOND) | (~atLeast & nonZero);
        }
        return any;
    }

    /**
     * Reads elements as floats: first those with even indices, then the odd ones, as vectors of two
     * elements in an int are taken apart at once.
     */
    private void load(MemorySegment s, int at, MemorySegment to, int n) {
        FloatCodec.load32(s, at * 2L, pairsMemory, n / 2);
        evens(pairs, even, n / 2);
        odds(pairs, odd, n / 2);
        MemorySegment.copy(evenMemory, 0, to, 0, n * 2L);
        MemorySegment.copy(oddMemory, 0, to, n * 2L, n * 2L);
    }

    private static void evens(int[] pairs, int[] bits, int half) {
        for (int j = 0; j < half; j++) {
            bits[j] = pairs[j] << 16;
        }
    }

    private static void odds(int[] pairs, int[] bits, int half) {
        for (int j = 0; j < half; j++) {
            bits[j] = pairs[j] & 0xffff_0000;
        }
    }

    /**
     * Bits of doubles to BF16, ties to even, for zeros and for what is normal in BF16; puts even
     * and odd elements together again.
     */
    private static void round(long[] in, int[] pairs, int half) {
        for (int j = 0; j < half; j++) {
            pairs[j] = (int) (rounded(in[j]) | rounded(in[j + half]) << 16);
        }
    }

    private static long rounded(long b) {
        long m = b & Long.MAX_VALUE;
        long nonZero = (m + Long.MAX_VALUE) >>> 63; // 1 or 0
        long w = m - REBIAS;
        long r = (w + HALF + ((w >>> CUT) & 1)) >>> CUT;
        return b >>> 63 << 15 | (r & -nonZero);
    }
}
