package org.diffusionsoup.core.diff;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorSource;

/** Adds up pieces of tensors, with one set of buffers per worker. */
final class PieceBuffers {
    /** Elements decoded at once: small enough for the processor's caches. */
    private static final int RUN = 1 << 14;

    private static final class Set {
        final MemorySegment[] raw = new MemorySegment[3];
        final double[][] values = new double[3][RUN];

        Set() {
            for (int i = 0; i < raw.length; i++) {
                raw[i] = Arena.ofAuto().allocate(RUN * 8L, 64);
            }
        }
    }

    private final BlockingQueue<Set> free;

    PieceBuffers(int threads) {
        free = new ArrayBlockingQueue<>(threads);
        for (int i = 0; i < threads; i++) {
            free.add(new Set());
        }
    }

    Sums compare(
            TensorSource a,
            TensorSource b,
            Optional<TensorSource> base,
            String name,
            long start,
            int count)
            throws InterruptedException {
        Set set = free.take();
        try {
            Sums sums = Sums.ZERO;
            for (int at = 0; at < count; at += RUN) {
                int n = Math.min(RUN, count - at);
                MemorySegment x = read(set, 0, a, name, start + at, n);
                MemorySegment y = read(set, 1, b, name, start + at, n);
                DType left = a.tensor(name).dtype();
                DType right = b.tensor(name).dtype();
                boolean same = left == right && x.mismatch(y) < 0;
                if (!left.isFloat()) {
                    sums = sums.plus(unequal(!same));
                    continue;
                }
                Elements.decode(left, x, set.values[0], n);
                Elements.decode(right, y, set.values[1], n);
                if (base.isPresent()) {
                    TensorSource c = base.get();
                    MemorySegment z = read(set, 2, c, name, start + at, n);
                    Elements.decode(c.tensor(name).dtype(), z, set.values[2], n);
                }
                sums = sums.plus(add(set.values, n, base.isPresent(), same));
            }
            return sums;
        } finally {
            free.add(set);
        }
    }

    private static Sums unequal(boolean unequal) {
        return new Sums(0, 0, 0, 0, 0, 0, 0, 0, unequal);
    }

    private static MemorySegment read(
            Set set, int slot, TensorSource from, String name, long start, int n) {
        int size = from.tensor(name).dtype().bytes();
        MemorySegment into = set.raw[slot].asSlice(0, (long) n * size);
        from.read(name, start * size, into);
        return into;
    }

    private static Sums add(double[][] values, int n, boolean withBase, boolean same) {
        double[] x = values[0];
        double[] y = values[1];
        double[] z = values[2];
        double aa = 0;
        double bb = 0;
        double dd = 0;
        double max = 0;
        double ac = 0;
        double bc = 0;
        double dot = 0;
        long nonFinite = 0;
        boolean unequal = false;
        for (int i = 0; i < n; i++) {
            double a = x[i];
            double b = y[i];
            double d = a - b;
            // The difference of finite values is finite but for huge doubles; NaN else.
            if (!Double.isFinite(d) && !(Double.isFinite(a) && Double.isFinite(b))) {
                nonFinite++;
                unequal |= !same && Double.compare(a, b) != 0;
                continue;
            }
            aa += a * a;
            bb += b * b;
            dd += d * d;
            max = Math.max(max, Math.abs(d));
            unequal |= d != 0;
            if (withBase) {
                double p = a - z[i];
                double q = b - z[i];
                if (Double.isFinite(p) && Double.isFinite(q)) {
                    ac += p * p;
                    bc += q * q;
                    dot += p * q;
                }
            }
        }
        return new Sums(aa, bb, dd, max, ac, bc, dot, nonFinite, unequal);
    }
}
