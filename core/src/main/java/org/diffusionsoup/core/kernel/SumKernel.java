package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.kernel.SumExceptions.Exact;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.jspecify.annotations.Nullable;

/**
 * Adds up without dividing: out[j] = sum_i a_i in_i[j], exactly, in the format of a kept sum.
 * Elements that the format cannot hold, and those where an ingredient is -0, are written as 0 and
 * noted as exceptions.
 *
 * <p>Blocks of F16 and of F32 ingredients without a -0 are added by {@link HalfSums} and {@link
 * SpanSums}, and to the kept sum where there is one; other blocks, and elements where that is not
 * exact, one by one.
 */
public final class SumKernel implements AverageKernel {
    private static final int BLOCK = HalfSums.BLOCK;

    /** Sums of ingredients larger than this could leave the formats and the proofs. */
    private static final long MOST = 1 << 13;

    private static final long EACH_SIGN = 0x8000_8000_8000_8000L;
    private static final long EACH = 0x0001_0001_0001_0001L;

    private final FloatFormat[] in;
    private final FloatFormat out;
    private final double[] a;
    private final long[] exactA;
    private final String tensor;
    private final SumExceptions exceptions;

    private final int first;
    private final @Nullable HalfSums halves;
    private final @Nullable SpanSums spans;
    private final double[] kept = new double[BLOCK];
    private final double[] error = new double[BLOCK];
    private final int[] fixed = new int[BLOCK];

    public SumKernel(Spec spec, String tensor, SumExceptions exceptions) {
        this.in = spec.in().toArray(FloatFormat[]::new);
        this.out = spec.out();
        List<Long> all = spec.a();
        this.a = all.stream().mapToDouble(Long::doubleValue).toArray();
        this.exactA = all.stream().mapToLong(Long::longValue).toArray();
        this.tensor = tensor;
        this.exceptions = exceptions;
        this.first = in[0].isSum() ? 1 : 0;
        double[] own = Arrays.copyOfRange(a, first, a.length);
        boolean few = Arrays.stream(own).map(Math::abs).sum() <= MOST && own.length > 0;
        this.halves =
                few && out == FloatFormat.SUM_FIXED && all(FloatFormat.F16)
                        ? new HalfSums(floats(own))
                        : null;
        this.spans =
                few && out == FloatFormat.SUM_DOUBLE && all(FloatFormat.F32)
                        ? new SpanSums(own)
                        : null;
    }

    private boolean all(FloatFormat f) {
        return Arrays.stream(in, first, in.length).allMatch(i -> i == f);
    }

    private static float[] floats(double[] doubles) {
        float[] f = new float[doubles.length];
        for (int i = 0; i < f.length; i++) {
            f[i] = (float) doubles[i];
        }
        return f;
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment to, int count) {
        throw new IllegalStateException("sums need to know where they are");
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment to, int count, long from) {
        MemorySegment[] own = Arrays.copyOfRange(inputs, first, inputs.length);
        for (int at = 0; at < count; at += BLOCK) {
            int n = Math.min(BLOCK, count - at);
            if (added(own, at, n)) {
                double[] sums = sums(n);
                Arrays.fill(error, 0, n, 0);
                if (first > 0) {
                    load(inputs[0], at, n);
                    addTo(kept, sums, error, n);
                }
                store(sums, to, at, n);
                for (int j = 0; j < n; j++) {
                    if (error[j] != 0 && !one(inputs, to, at + j, from)) {
                        return false;
                    }
                }
                continue;
            }
            for (int j = at; j < at + n; j++) {
                if (!one(inputs, to, j, from)) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean added(MemorySegment[] own, int at, int n) {
        if (halves != null) {
            for (MemorySegment s : own) {
                if (n % 4 != 0 || anyNegativeZeroHalf(s, at * 2L, n / 4)) {
                    return false;
                }
            }
            return halves.add(own, at, n);
        }
        if (spans != null) {
            for (MemorySegment s : own) {
                if (anyNegativeZeroFloat(s, at * 4L, n)) {
                    return false;
                }
            }
            return spans.add(own, at, n);
        }
        return false;
    }

    private double[] sums(int n) {
        if (halves != null) {
            return halves.doubles(n);
        }
        if (spans != null) {
            return spans.doubles();
        }
        throw new IllegalStateException("nothing was added");
    }

    /** Exact; may take the neighbour of a -0 for one too, which only costs time. */
    private static boolean anyNegativeZeroHalf(MemorySegment s, long at, int n) {
        long any = 0;
        for (int j = 0; j < n; j++) {
            long x = s.get(FloatCodec.I64, at + 8L * j) ^ EACH_SIGN; // 0 where it was -0
            any |= (x - EACH) & ~x;
        }
        return (any & EACH_SIGN) != 0;
    }

    private static boolean anyNegativeZeroFloat(MemorySegment s, long at, int n) {
        int any = 0;
        for (int j = 0; j < n; j++) {
            int b = s.get(FloatCodec.I32, at + 4L * j);
            any |= b & ((b & Integer.MAX_VALUE) - 1); // the sign bit where only that is set
        }
        return any < 0;
    }

    private void load(MemorySegment s, int at, int n) {
        if (in[0] == FloatFormat.SUM_FIXED) {
            MemorySegment.copy(s, FloatCodec.I32, at * 4L, fixed, 0, n);
            toDoubles(fixed, kept, n);
        } else {
            MemorySegment.copy(s, FloatCodec.F64, at * 8L, kept, 0, n);
        }
    }

    private static void toDoubles(int[] from, double[] to, int n) {
        for (int j = 0; j < n; j++) {
            to[j] = from[j] * 0x1p-24;
        }
    }

    /** TwoSum: error gains the magnitude of what the addition rounded off, exactly 0 if nothing. */
    private static void addTo(double[] kept, double[] sums, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            double s = kept[j];
            double p = sums[j];
            double t = s + p;
            double z = t - s;
            error[j] = Math.abs((s - (t - z)) + (p - z));
            sums[j] = t;
        }
    }

    private void store(double[] sums, MemorySegment to, int at, int n) {
        if (out == FloatFormat.SUM_FIXED) {
            toFixed(sums, fixed, error, n);
            MemorySegment.copy(fixed, 0, to, FloatCodec.I32, at * 4L, n);
        } else {
            positiveZeros(sums, n);
            MemorySegment.copy(sums, 0, to, FloatCodec.F64, at * 8L, n);
        }
    }

    /** What the format cannot hold becomes the nearest that it can, which shows as an error. */
    private static void toFixed(double[] sums, int[] fixed, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            double scaled = sums[j] * 0x1p24;
            int f = Math.max((int) scaled, -Integer.MAX_VALUE);
            fixed[j] = f;
            error[j] += Math.abs(f - scaled);
        }
    }

    private static void positiveZeros(double[] sums, int n) {
        for (int j = 0; j < n; j++) {
            sums[j] += 0.0;
        }
    }

    /** Element j of a piece that starts at {@code from} of its tensor. */
    private boolean one(MemorySegment[] inputs, MemorySegment to, int j, long from) {
        double s = 0;
        double lost = 0;
        boolean special = false;
        for (int i = 0; i < a.length; i++) {
            double w = in[i].get(inputs[i], j);
            special |= Double.doubleToRawLongBits(w) == Long.MIN_VALUE;
            double p = a[i] * w;
            double t = s + p;
            double z = t - s;
            lost += Math.abs((s - (t - z)) + (p - z)) + Math.abs(Math.fma(a[i], w, -p));
            s = t;
        }
        if (!Double.isFinite(s)) {
            return false;
        }
        // A sum of errors that is 0 means that there were none: they cannot underflow, as no
        // ingredient of a kept sum is an F64.
        if (special || lost != 0 || !holds(s)) {
            exceptions.put(tensor, from + j, exact(inputs, j));
            s = 0;
        }
        out.put(to, j, s);
        return true;
    }

    private boolean holds(double s) {
        if (out == FloatFormat.SUM_DOUBLE) {
            return true;
        }
        return Math.abs(s) <= out.max && Math.rint(s * 0x1p24) == s * 0x1p24;
    }

    private Exact exact(MemorySegment[] inputs, int j) {
        Exact e = Exact.zero();
        for (int i = 0; i < a.length; i++) {
            e = e.plus(exactA[i], in[i].get(inputs[i], j));
        }
        return e;
    }
}
