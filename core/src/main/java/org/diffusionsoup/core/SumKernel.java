package org.diffusionsoup.core;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.diffusionsoup.core.SumExceptions.Exact;

/**
 * Adds up without dividing: out[j] = sum_i a_i in_i[j], exactly, in the format of a kept sum.
 * Elements that the format cannot hold, and those where an ingredient is -0, are written as 0 and
 * noted as exceptions.
 */
final class SumKernel implements AverageKernel {
    private final FloatFormat[] in;
    private final FloatFormat out;
    private final double[] a;
    private final long[] exactA;
    private final String tensor;
    private final SumExceptions exceptions;

    SumKernel(Spec spec, String tensor, SumExceptions exceptions) {
        this.in = spec.in().toArray(FloatFormat[]::new);
        this.out = spec.out();
        List<Long> all = spec.a();
        this.a = all.stream().mapToDouble(Long::doubleValue).toArray();
        this.exactA = all.stream().mapToLong(Long::longValue).toArray();
        this.tensor = tensor;
        this.exceptions = exceptions;
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment to, int count) {
        throw new IllegalStateException("sums need to know where they are");
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment to, int count, long from) {
        for (int j = 0; j < count; j++) {
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
        }
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
