package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * Means of F16 ingredients, and of a kept sum of such, from the sums of {@link HalfSums}, which no
 * mean too large for F16 can come of. The quotient of a sum that a float holds, rounded to float
 * and then to F16, is the exact mean rounded once, as {@link NarrowKernel} proves; sums that a
 * float does not hold go to {@link CarefulElement}, and blocks that HalfSums leaves to that kernel.
 */
final class HalfKernel implements AverageKernel {
    private static final int BLOCK = HalfSums.BLOCK;

    private final int first;
    private final HalfSums sums;
    private final float total;
    private final boolean powerOfTwo;
    private final NarrowKernel narrow;
    private final CarefulElement careful;
    private final short[] halves = new short[BLOCK];
    private final MemorySegment halvesMemory = MemorySegment.ofArray(halves);
    private final float[] sum = new float[BLOCK];
    private final int[] fixed = new int[BLOCK];
    private final MemorySegment fixedMemory = MemorySegment.ofArray(fixed);
    private final float[] error = new float[BLOCK];
    private final float[] folded = new float[BLOCK / 2];

    /** Whether the proof holds for these formats and coefficients. */
    static boolean suits(Spec spec) {
        List<FloatFormat> in = spec.in();
        int first = in.getFirst() == FloatFormat.SUM_FIXED ? 1 : 0;
        return spec.out() == FloatFormat.F16
                && in.size() > first
                && in.subList(first, in.size()).stream().allMatch(f -> f == FloatFormat.F16)
                && NarrowKernel.suits(spec);
    }

    HalfKernel(Spec spec) {
        this.first = spec.in().getFirst() == FloatFormat.SUM_FIXED ? 1 : 0;
        float[] a = new float[spec.a().size() - first];
        for (int i = 0; i < a.length; i++) {
            a[i] = spec.a().get(i + first);
        }
        this.sums = new HalfSums(a);
        this.total = spec.total();
        this.powerOfTwo = Long.bitCount(spec.total()) == 1;
        this.narrow = new NarrowKernel(spec);
        this.careful = new CarefulElement(spec);
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        MemorySegment[] halfInputs =
                first == 0 ? inputs : Arrays.copyOfRange(inputs, first, inputs.length);
        for (int at = 0; at < count; at += BLOCK) {
            int n = Math.min(BLOCK, count - at);
            boolean done =
                    sums.add(halfInputs, at, n)
                            ? finish(inputs, out, at, n)
                            : narrow.block(inputs, out, at, n);
            if (!done) {
                return false;
            }
        }
        return true;
    }

    private boolean finish(MemorySegment[] inputs, MemorySegment out, int at, int n) {
        boolean inDoubles = first > 0 || sums.inDoubles();
        float[] from = sums.floats();
        if (inDoubles) {
            double[] wide = sums.doubles(n);
            if (first > 0) {
                FloatCodec.load32(inputs[0], at * 4L, fixedMemory, n);
                addFixed(fixed, wide, n);
            }
            moveBack(wide, sum, error, n);
            from = sum;
        }
        if (powerOfTwo) {
            scale(from, 1 / total, halves, n);
        } else {
            divide(from, total, halves, n);
        }
        FloatCodec.store16(halvesMemory, out, at * 2L, n);
        if (inDoubles && NarrowKernel.anyNonZero(error, folded, n)) {
            for (int j = 0; j < n; j++) {
                if (error[j] != 0 && !careful.average(inputs, out, at + j)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void addFixed(int[] fixed, double[] wide, int n) {
        for (int j = 0; j < n; j++) {
            wide[j] += fixed[j] * 0x1p-24;
        }
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
