package org.diffusionsoup.core.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@link HalfKernel}, {@link BrainKernel} and {@link SpanKernel} add without looking at rounding
 * errors wherever a block keeps within bounds. Here are blocks that lie at those bounds, on either
 * side, filled with what would round if a bound were one step too far: the largest magnitudes
 * beside the smallest.
 */
class BoundedKernelsTest {
    record Case(DType dtype, int n, long seed) {}

    static Stream<Case> cases() {
        return Stream.of(DType.F16, DType.BF16, DType.F32)
                .flatMap(d ->
                        Stream.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 32, 300)
                                .flatMap(n ->
                                        LongStream.rangeClosed(1, n > 40 ? 2 : 8)
                                                .mapToObj(s -> new Case(d, n, s))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void blocksAtTheBoundsAreExact(Case c) {
        Random random = new Random(31 * c.seed + c.n);
        long[] a = new long[c.n];
        boolean uniform = random.nextBoolean();
        Arrays.setAll(a, i -> uniform ? 1 : 1 + random.nextInt(7));
        Spec spec = Spec.of(c.dtype, a);
        AverageKernel fast = AverageKernel.fast(spec);
        assertThat(fast).isInstanceOf(kernel(c.dtype));
        int count = NarrowKernel.BLOCK * 3 + 4 * random.nextInt(200);
        MemorySegment[] in = new MemorySegment[c.n];
        for (int i = 0; i < c.n; i++) {
            in[i] = AverageKernelTest.segment(count, c.dtype);
        }
        for (int from = 0; from < count; from += NarrowKernel.BLOCK) {
            int n = Math.min(NarrowKernel.BLOCK, count - from);
            double[] values =
                    switch (c.dtype) {
                        case F16 -> halves(a, random);
                        case BF16 -> brains(a, random);
                        default -> floats(a, random);
                    };
            for (MemorySegment s : in) {
                for (int j = from; j < from + n; j++) {
                    double v = values[random.nextInt(values.length)];
                    FloatFormat.of(c.dtype).put(s, j, random.nextBoolean() ? v : -v);
                }
            }
            // within the bounds, or a little past one of them
            int beyond = random.nextInt(4);
            int smaller = beyond > 0 ? 0 : random.nextInt(3);
            for (int j = from; j < from + n; j += 3) {
                if (random.nextBoolean()) {
                    double v = values[random.nextInt(values.length)];
                    double signed = random.nextBoolean() ? v : -v;
                    for (MemorySegment m : in) {
                        FloatFormat.of(c.dtype).put(m, j, signed);
                    }
                } else if (uniform && c.n >= 5) {
                    tieAndCrumb(c.dtype, in, j, beyond, smaller, random);
                }
            }
        }
        MemorySegment exact = AverageKernelTest.average(new ExactKernel(spec), in, count, c.dtype);
        MemorySegment out = AverageKernelTest.average(fast, in, count, c.dtype);
        assertThat(out.mismatch(exact)).as(c.toString()).isEqualTo(-1);
    }

    /**
     * A mean half-way between two neighbours but for a crumb, which is the last bit of the smallest
     * ingredient: the first bit that an addition beyond the bounds would lose, and it decides.
     */
    private static void tieAndCrumb(
            DType dtype, MemorySegment[] in, int j, int beyond, int smaller, Random random) {
        FloatFormat f = FloatFormat.of(dtype);
        int n = in.length;
        double top =
                Math.scalb(
                        switch (dtype) {
                            case F16 -> 1.0 / n;
                            case BF16 -> 0x1p8;
                            default -> 2;
                        },
                        beyond);
        for (int attempt = 0; attempt < 50; attempt++) {
            double b = nearest(f, top * (1 - random.nextDouble() / 8));
            double small =
                    dtype == DType.F16
                            ? 0
                            : Math.scalb(least(dtype, n), -smaller) * (1 + random.nextDouble());
            double c = nearest(f, small);
            double d = c + (random.nextBoolean() ? 1 : -1) * lastPlace(f, c);
            // (c + b + ... + last) + (-d + b + ...): the sum is n * middle, and the crumb c - d
            double mean = nearest(f, (n - 2) * b / n);
            double middle = mean + lastPlace(f, mean) / 2;
            double last = n * middle - (n - 3) * b;
            if (nearest(f, last) != last || last > top || d < 0) {
                continue;
            }
            for (MemorySegment s : in) {
                f.put(s, j, b);
            }
            f.put(in[0], j, c);
            f.put(in[2], j, -d);
            f.put(in[n - 1], j, last);
            return;
        }
    }

    private static double nearest(FloatFormat f, double v) {
        return switch (f) {
            case F16 -> Float.float16ToFloat(Float.floatToFloat16((float) v));
            case BF16 -> FloatCodec.bf16ToFloat(FloatCodec.floatToBf16((float) v));
            default -> (float) v;
        };
    }

    private static double lastPlace(FloatFormat f, double v) {
        int e = v == 0 ? f.unit : Math.getExponent(v) - f.precision + 1;
        return Math.scalb(1.0, Math.max(e, f.unit));
    }

    private static Class<? extends AverageKernel> kernel(DType dtype) {
        return switch (dtype) {
            case F16 -> HalfKernel.class;
            case BF16 -> BrainKernel.class;
            default -> SpanKernel.class;
        };
    }

    /** The smallest magnitude that 2 may stand beside, or, of BF16, 2^8. */
    private static double least(DType dtype, long total) {
        if (dtype == DType.BF16) {
            return Math.scalb(1.0, 8 + 7 - 53 + 64 - Long.numberOfLeadingZeros(total));
        }
        int up = Long.bitCount(total) == 1 ? 63 : 64;
        return Math.scalb(1.0, up - Long.numberOfLeadingZeros(total) - 29);
    }

    /** A few magnitudes about one of the two limits, the smallest ones, and odd ones between. */
    private static double[] halves(long[] a, Random random) {
        long total = Arrays.stream(a).sum();
        double limit = 1.0 / (random.nextBoolean() ? total : Math.min(total, 4 * 7));
        if (random.nextInt(4) == 0) {
            limit = 0.25;
        }
        short bits = Float.floatToFloat16((float) limit);
        int beyond = random.nextInt(3) == 0 ? 3 : 0;
        double[] values = new double[9];
        for (int i = 0; i < 4; i++) {
            int step = random.nextInt(1 + beyond) - random.nextInt(2);
            values[i] = Float.float16ToFloat((short) (bits + step));
        }
        values[4] = 0x1p-24;
        values[5] = 0x3p-24;
        values[6] = 0;
        values[7] = limit / 3;
        values[7] = Float.float16ToFloat(Float.floatToFloat16((float) values[7]));
        values[8] = Float.float16ToFloat((short) (1 + random.nextInt(bits)));
        return values;
    }

    /** Magnitudes about 2^8 and about the smallest that may stand beside it. */
    private static double[] brains(long[] a, Random random) {
        float least = (float) least(DType.BF16, Arrays.stream(a).sum());
        boolean within = random.nextBoolean();
        return new double[] {
            0x1.fep7,
            least * 0x1.02p0,
            least,
            within ? 0x1.02p7 : 0x1p8,
            within ? 0 : least * 0x1.fep-1,
            within ? 1 : 0x1.02p8,
            0,
            least * 3,
            FloatCodec.bf16ToFloat(FloatCodec.floatToBf16(random.nextFloat() + 0x1p-7f))
        };
    }

    /** Magnitudes about 2 and about the smallest that 2 may stand beside. */
    private static double[] floats(long[] a, Random random) {
        long total = Arrays.stream(a).sum();
        double least = least(DType.F32, total);
        boolean within = random.nextBoolean();
        return new double[] {
            Math.nextDown(2f),
            Math.nextUp((float) least),
            (float) least,
            within ? Math.nextUp(1f) : 2,
            within ? 0 : Math.nextDown((float) least),
            within ? 1 : Math.nextUp(2f),
            0,
            (float) (least * 3),
            random.nextFloat() + 0x1p-20f
        };
    }

    @Test
    void infinitiesAndNanAreSeenAtTheBoundsToo() {
        Random random = new Random(5);
        for (DType dtype : new DType[] {DType.F16, DType.BF16, DType.F32}) {
            FloatFormat format = FloatFormat.of(dtype);
            for (int n : new int[] {1, 2, 4, 9}) {
                for (double bad : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
                    int count = 2 * NarrowKernel.BLOCK;
                    MemorySegment[] in = new MemorySegment[n];
                    for (int i = 0; i < n; i++) {
                        in[i] = AverageKernelTest.segment(count, dtype);
                        for (int j = 0; j < count; j++) {
                            format.put(in[i], j, random.nextInt(5) * 0x1p-8);
                        }
                    }
                    format.put(in[random.nextInt(n)], random.nextInt(count), bad);
                    long[] a = new long[n];
                    Arrays.fill(a, 1);
                    MemorySegment out = AverageKernelTest.segment(count, dtype);
                    assertThat(AverageKernel.fast(Spec.of(dtype, a)).average(in, out, count))
                            .as("%s n = %d %s", dtype, n, bad)
                            .isFalse();
                }
            }
        }
    }
}
