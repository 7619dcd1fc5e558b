package org.diffusionsoup.core;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Means of F16 ingredients by additions whose rounding errors need no look, because there are none.
 *
 * <p>Every F16 value is a multiple of 2^-24. So sums of them are exact in float, in any order,
 * while their magnitudes add up to 1 at most: they are integers of 24 bits times 2^-24. Before
 * anything is added, the bits of a block are compared with two limits. Where all ingredients are
 * within the first, 1 / sum |a_i|, everything is added in float. Within the second, which four
 * ingredients may reach together, four are added in float, then move on into doubles, which hold
 * multiples of 2^-24 up to 2^29 and so every sum there can be; back from there, sums that a float
 * does not hold go to {@link CarefulElement}. The quotient of a sum that a float holds, rounded to
 * float and then to F16, is the exact mean rounded once, as {@link NarrowKernel} proves. Blocks
 * with larger values, infinities or NaN are left to that kernel. Those are few: weights are small.
 */
final class HalfKernel implements AverageKernel {
    private static final int BLOCK = NarrowKernel.BLOCK;

    /** Four magnitudes in a long, each with the 16th bit free for a carry. */
    private static final long MAGNITUDES = 0x7fff_7fff_7fff_7fffL;

    private static final long CARRIES = ~MAGNITUDES;
    private static final long EACH = 0x0001_0001_0001_0001L;

    private final float[] a;
    private final float total;
    private final boolean powerOfTwo;
    private final NarrowKernel narrow;
    private final CarefulElement careful;

    private final double within;
    private final double withinFew;
    private final long beyond;
    private final long beyondFew;

    private final short[] halves = new short[BLOCK];
    private final short[] halves1 = new short[BLOCK];
    private final short[] halves2 = new short[BLOCK];
    private final short[] halves3 = new short[BLOCK];
    private final float[] sum = new float[BLOCK];
    private final double[] wide = new double[BLOCK];
    private final float[] error = new float[BLOCK];
    private final float[] folded = new float[BLOCK / 2];
    private boolean inDoubles;

    /** Whether the proof holds for these formats and coefficients. */
    static boolean suits(Spec spec) {
        return spec.out() == FloatFormat.F16
                && spec.in().stream().allMatch(f -> f == FloatFormat.F16)
                && !spec.mayOverflow()
                && NarrowKernel.suits(spec);
    }

    HalfKernel(Spec spec) {
        this.a = new float[spec.a().size()];
        for (int i = 0; i < a.length; i++) {
            a[i] = spec.a().get(i);
        }
        this.total = spec.total();
        this.powerOfTwo = Long.bitCount(spec.total()) == 1;
        this.narrow = new NarrowKernel(spec);
        this.careful = new CarefulElement(spec);
        float few = 0;
        for (int i = 0; i < a.length; i += members(i)) {
            float group = 0;
            for (int m = 0; m < members(i); m++) {
                group += a[i + m];
            }
            few = Math.max(few, group);
        }
        int all = floorOfInverse(total);
        int fewer = floorOfInverse(few);
        this.within = Float.float16ToFloat((short) all);
        this.withinFew = Float.float16ToFloat((short) fewer);
        this.beyond = (0x8000 - (all + 1)) * EACH;
        this.beyondFew = (0x8000 - (fewer + 1)) * EACH;
    }

    /** Bits of the largest F16 that is not above 1 / sum. */
    private static int floorOfInverse(float sum) {
        short nearest = Float.floatToFloat16(1 / sum);
        return Float.float16ToFloat(nearest) * (double) sum > 1 ? nearest - 1 : nearest;
    }

    /** How many ingredients are added at once from number i on. */
    private int members(int i) {
        int left = a.length - i;
        return left >= 4 ? 4 : Math.min(left, 2);
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        for (int at = 0; at < count; at += BLOCK) {
            int n = Math.min(BLOCK, count - at);
            boolean done =
                    n % 4 == 0 && add(inputs, at, n)
                            ? finish(inputs, out, at, n)
                            : narrow.block(inputs, out, at, n);
            if (!done) {
                return false;
            }
        }
        return true;
    }

    /** Adds all ingredients of a block, in doubles where need be; false if that is not exact. */
    private boolean add(MemorySegment[] inputs, int at, int n) {
        inDoubles = false;
        Arrays.fill(sum, 0, n, -0f); // the neutral element: -0 + -0 is -0, -0 + 0 is 0
        double bound = 0;
        int members;
        for (int i = 0; i < a.length; i += members) {
            members = members(i);
            double more = load(inputs[i], halves, at, n, a[i]);
            if (members > 1) {
                more += load(inputs[i + 1], halves1, at, n, a[i + 1]);
            }
            if (members > 2) {
                more += load(inputs[i + 2], halves2, at, n, a[i + 2]);
                more += load(inputs[i + 3], halves3, at, n, a[i + 3]);
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
    private double load(MemorySegment s, short[] to, int at, int n, float k) {
        MemorySegment.copy(s, FloatCodec.I16, at * 2L, to, 0, n);
        if ((anyCarry(s, at * 2L, beyond, n / 4) & CARRIES) == 0) {
            return k * within;
        }
        return (anyCarry(s, at * 2L, beyondFew, n / 4) & CARRIES) == 0
                ? k * withinFew
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

    private boolean finish(MemorySegment[] inputs, MemorySegment out, int at, int n) {
        if (inDoubles) {
            move(sum, wide, n);
            moveBack(wide, sum, error, n);
        }
        if (powerOfTwo) {
            scale(sum, 1 / total, halves, n);
        } else {
            divide(sum, total, halves, n);
        }
        MemorySegment.copy(halves, 0, out, FloatCodec.I16, at * 2L, n);
        if (inDoubles && NarrowKernel.anyNonZero(error, folded, n)) {
            for (int j = 0; j < n; j++) {
                if (error[j] != 0 && !careful.average(inputs, out, at + j)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void moveBack(double[] wide, float[] sum, float[] error, int n) {
        for (int j = 0; j < n; j++) {
            float s = (float) wide[j];
            sum[j] = s;
            error[j] = (float) Math.abs(wide[j] - s); // a multiple of 2^-24: a float has it
        }
    }

    private static void divide(float[] sum, float total, short[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.floatToFloat16(sum[j] / total);
        }
    }

    private static void scale(float[] sum, float by, short[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.floatToFloat16(sum[j] * by);
        }
    }
}
