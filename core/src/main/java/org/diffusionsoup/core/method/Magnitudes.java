package org.diffusionsoup.core.method;

import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * The k-th largest magnitude of a tensor, exactly and in constant memory: a radix selection over
 * the bits of |x|, which order as the values do, sixteen bits a pass from the top.
 */
final class Magnitudes {
    private static final int DIGIT = 16;
    private static final int BUCKETS = 1 << DIGIT;

    private Magnitudes() {}

    /** The k-th largest |x|, k from 1 to the number of elements; 0 for an empty tensor. */
    static double largest(TensorScope scope, Values values, long k) {
        long prefix = 0;
        long left = k;
        long anyBit = 0;
        for (int shift = 3 * DIGIT; shift >= 0; shift -= DIGIT) {
            Histogram[] parts = new Histogram[scope.slots()];
            count(scope, values, parts, prefix, shift);
            long[] counts = new long[BUCKETS];
            for (Histogram h : parts) {
                if (h != null) {
                    anyBit |= h.bits;
                    for (int b = 0; b < BUCKETS; b++) {
                        counts[b] += h.counts[b];
                    }
                }
            }
            int bucket = BUCKETS - 1;
            while (bucket > 0 && counts[bucket] < left) {
                left -= counts[bucket--];
            }
            prefix = prefix << DIGIT | bucket;
            if ((anyBit & ((1L << shift) - 1)) == 0) {
                return Double.longBitsToDouble(prefix << shift); // all lower bits are 0
            }
        }
        return Double.longBitsToDouble(prefix);
    }

    /** How often each digit follows the prefix; one histogram per slot, so no two share one. */
    private static void count(
            TensorScope scope, Values values, Histogram[] parts, long prefix, int shift) {
        scope.scan(
                w -> {
                    Histogram h = parts[w.slot()];
                    if (h == null) {
                        h = new Histogram();
                        parts[w.slot()] = h;
                    }
                    double[] x = w.take();
                    values.read(w, x);
                    for (int i = 0; i < w.count(); i++) {
                        long bits = Double.doubleToRawLongBits(x[i]) & Long.MAX_VALUE;
                        h.bits |= bits;
                        // A shift by 64 would be one by 0; the first digit follows no prefix.
                        if (shift == 3 * DIGIT || bits >>> (shift + DIGIT) == prefix) {
                            h.counts[(int) (bits >>> shift) & (BUCKETS - 1)]++;
                        }
                    }
                    w.give(x);
                    return w;
                },
                w -> {});
    }

    private static final class Histogram {
        final long[] counts = new long[BUCKETS];
        long bits;
    }
}
