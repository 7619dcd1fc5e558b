package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.diffusionsoup.core.tensor.FloatCodec;

/**
 * Sums of F16 ingredients by additions whose rounding errors need no look, because there are none.
 *
 * <p>Every F16 value is a multiple of 2^-24. So sums of them are exact in float, in any order,
 * while their magnitudes add up to 1 at most: they are integers of 24 bits times 2^-24. Before
 * anything is added, the bits of a block are compared with two limits. Where all ingredients are
 * within the first, 1 / sum |a_i|, everything is added in float. Within the second, which four
 * ingredients may reach together, four are added in float, then move on into doubles, which hold
 * multiples of 2^-24 up to 2^29 and so every sum there can be. Blocks with larger values,
 * infinities or NaN are not added here. Those are few: weights are small.
 */
final class HalfSums {
    /** Elements at a time. */
    static final int BLOCK = NarrowKernel.BLOCK;

    /** Four magnitudes in a long, each with the 16th bit free for a carry. */
    static final long MAGNITUDES = 0x7fff_7fff_7fff_7fffL;

    static final long CARRIES = ~MAGNITUDES;

    /** One in each of four values. */
    static final long EACH = 0x0001_0001_0001_0001L;

    private final float[] a;
    private final double within;
    private final double withinFew;
    private final long beyond;
    private final long beyondFew;
    private final short[] halves = new short[BLOCK];
    private final MemorySegment memory = MemorySegment.ofArray(halves);
    private final short[] halves1 = new short[BLOCK];
    private final MemorySegment memory1 = MemorySegment.ofArray(halves1);
    private final short[] halves2 = new short[BLOCK];
    private final MemorySegment memory2 = MemorySegment.ofArray(halves2);
    private final short[] halves3 = new short[BLOCK];
    private final MemorySegment memory3 = MemorySegment.ofArray(halves3);
    private final float[] sum = new float[BLOCK];
    private final double[] wide = new double[BLOCK];
    private boolean inDoubles;

    /**
     * @param coefficients at most 2^13 in size, and so their sum
     */
    HalfSums(float[] coefficients) {
        this.a = coefficients;
        float all = 0;
        for (float k : a) {
            all += Math.abs(k);
        }
        float few = 0;
        int members;
        for (int i = 0; i < a.length; i += members) {
            members = together(a.length - i);
            float group = 0;
            for (int m = 0; m < members; m++) {
                group += Math.abs(a[i + m]);
            }
            few = Math.max(few, group);
        }
        int limit = floorOfInverse(all);
        int limitOfFew = floorOfInverse(few);
        this.within = Float.float16ToFloat((short) limit);
        this.withinFew = Float.float16ToFloat((short) limitOfFew);
        this.beyond = (0x8000 - (limit + 1)) * EACH;
        this.beyondFew = (0x8000 - (limitOfFew + 1)) * EACH;
    }

    /** Bits of the largest F16 that is not above 1 / sum. */
    private static int floorOfInverse(float sum) {
        short nearest = Float.floatToFloat16(1 / sum);
        return Float.float16ToFloat(nearest) * (double) sum > 1 ? nearest - 1 : nearest;
    }

    /** How many ingredients are added at once when so many are left. */
    static int together(int left) {
        return left >= 4 ? 4 : Math.min(left, 2);
    }

    /**
     * Adds up the n elements from {@code at} of all inputs, at most {@link #BLOCK}.
     *
     * @return false if that is not exact here
     */
    boolean add(MemorySegment[] inputs, int at, int n) {
        if (n % 4 != 0) {
            return false; // they are looked at by fours; only a tensor's last block can be uneven
        }
        inDoubles = false;
        Arrays.fill(sum, 0, n, -0f); // the neutral element: -0 + -0 is -0, -0 + 0 is 0
        double bound = 0;
        int members;
        for (int i = 0; i < a.length; i += members) {
            members = together(a.length - i);
            double more = load(inputs[i], memory, at, n, a[i]);
            if (members > 1) {
                more += load(inputs[i + 1], memory1, at, n, a[i + 1]);
            }
            if (members > 2) {
                more += load(inputs[i + 2], memory2, at, n, a[i + 2]);
                more += load(inputs[i + 3], memory3, at, n, a[i + 3]);
            }
            if (more > 1) {
                return false;
            }
            if (bound + more > 1) {
                moveOn(n);
                bound = 0;
            }
            bound += more;
            switch (members) {
                case 1 -> addOne(a[i], n);
                case 2 -> addTwo(a[i], a[i + 1], n);
                default -> addFour(a[i], a[i + 1], a[i + 2], a[i + 3], n);
            }
        }
        return true;
    }

    /** Reads a block; returns the most that it can add to the magnitude of a sum. */
    private double load(MemorySegment s, MemorySegment to, int at, int n, float k) {
        FloatCodec.load16(s, at * 2L, to, n);
        if ((anyCarry(s, at * 2L, beyond, n / 4) & CARRIES) == 0) {
            return Math.abs(k) * within;
        }
        return (anyCarry(s, at * 2L, beyondFew, n / 4) & CARRIES) == 0
                ? Math.abs(k) * withinFew
                : Double.POSITIVE_INFINITY;
    }

    /** Carries of |w| + limit, four at a time: a float's bits are ordered as its magnitude is. */
    private static long anyCarry(MemorySegment s, long at, long limit, int n) {
        long any = 0;
        for (int j = 0; j < n; j++) {
            any |= (s.get(FloatCodec.I64, at + 8L * j) & MAGNITUDES) + limit;
        }
        return any;
    }

    private void addOne(float a0, int n) {
        short[] h0 = halves;
        float[] s = sum;
        for (int j = 0; j < n; j++) {
            s[j] += a0 * Float.float16ToFloat(h0[j]);
        }
    }

    private void addTwo(float a0, float a1, int n) {
        short[] h0 = halves;
        short[] h1 = halves1;
        float[] s = sum;
        for (int j = 0; j < n; j++) {
            s[j] += a0 * Float.float16ToFloat(h0[j]) + a1 * Float.float16ToFloat(h1[j]);
        }
    }

    private void addFour(float a0, float a1, float a2, float a3, int n) {
        short[] h0 = halves;
        short[] h1 = halves1;
        short[] h2 = halves2;
        short[] h3 = halves3;
        float[] s = sum;
        for (int j = 0; j < n; j++) {
            s[j] +=
                    (a0 * Float.float16ToFloat(h0[j]) + a1 * Float.float16ToFloat(h1[j]))
                            + (a2 * Float.float16ToFloat(h2[j]) + a3 * Float.float16ToFloat(h3[j]));
        }
    }

    /** Moves the float sums into doubles. */
    private void moveOn(int n) {
        if (!inDoubles) {
            Arrays.fill(wide, 0, n, -0.0);
            inDoubles = true;
        }
        move(sum, wide, n);
        Arrays.fill(sum, 0, n, -0f);
    }

    private static void move(float[] sum, double[] wide, int n) {
        for (int j = 0; j < n; j++) {
            wide[j] += sum[j];
        }
    }

    /** Whether some sums needed doubles: then they are all there, and not in {@link #floats}. */
    boolean inDoubles() {
        return inDoubles;
    }

    /** The sums, where {@link #inDoubles} is false; -0 where all inputs are -0. */
    float[] floats() {
        return sum;
    }

    /** The sums of the n elements last added, wherever they were. */
    double[] doubles(int n) {
        moveOn(n);
        return wide;
    }
}
