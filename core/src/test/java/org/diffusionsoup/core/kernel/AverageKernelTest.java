package org.diffusionsoup.core.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Both kernels against each other and against an oracle that shares no code with them. */
public class AverageKernelTest {
    record Case(DType dtype, long seed) {}

    static Stream<Case> cases() {
        return Stream.of(DType.F64, DType.F32, DType.F16, DType.BF16, DType.F8_E4M3, DType.F8_E5M2)
                .flatMap(d -> Stream.of(1L, 2L, 3L, 4L, 5L, 6L).map(s -> new Case(d, s)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void kernelsAgreeBitForBitAndDoNotMindTheOrder(Case c) {
        Random random = new Random(c.seed);
        for (int round = 0; round < 12; round++) {
            int n = 1 + random.nextInt(7);
            int count = new int[] {1, 3, 255, 1023, 1024, 1025, 2311}[random.nextInt(7)];
            long[] a = coefficients(random, n);
            MemorySegment[] in = inputs(c.dtype, random, n, count);
            MemorySegment exact = average(new ExactKernel(Spec.of(c.dtype, a)), in, count, c.dtype);
            MemorySegment fast =
                    average(AverageKernel.fast(Spec.of(c.dtype, a)), in, count, c.dtype);
            assertThat(exact.mismatch(fast)).as("seed %s round %d", c, round).isEqualTo(-1);

            for (int i = n - 1; i > 0; i--) {
                int k = random.nextInt(i + 1);
                MemorySegment s = in[i];
                in[i] = in[k];
                in[k] = s;
                long x = a[i];
                a[i] = a[k];
                a[k] = x;
            }
            MemorySegment shuffled =
                    average(AverageKernel.fast(Spec.of(c.dtype, a)), in, count, c.dtype);
            assertThat(shuffled.mismatch(exact)).as("seed %s round %d", c, round).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void noNeighbourIsNearerToTheExactMean(Case c) {
        Random random = new Random(c.seed + 100);
        FloatFormat format = FloatFormat.of(c.dtype);
        int count = 333;
        int n = 2 + random.nextInt(5);
        long[] a = coefficients(random, n);
        MemorySegment[] in = inputs(c.dtype, random, n, count);
        MemorySegment out = average(AverageKernel.fast(Spec.of(c.dtype, a)), in, count, c.dtype);
        BigDecimal total = BigDecimal.ZERO;
        for (long x : a) {
            total = total.add(BigDecimal.valueOf(x));
        }
        for (int j = 0; j < count; j++) {
            BigDecimal sum = BigDecimal.ZERO;
            double min = Double.POSITIVE_INFINITY;
            double max = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                double w = format.get(in[i], j);
                sum = sum.add(new BigDecimal(w).multiply(BigDecimal.valueOf(a[i])));
                min = Math.min(min, w);
                max = Math.max(max, w);
            }
            double got = format.get(out, j);
            // Convexity: a mean lies between its smallest and largest ingredient.
            assertThat(got).as("seed %s element %d", c, j).isBetween(min, max);
            BigDecimal error = error(sum, total, got);
            for (double other :
                    new double[] {neighbour(c.dtype, got, 1), neighbour(c.dtype, got, -1)}) {
                if (!Double.isFinite(other)) {
                    continue;
                }
                int nearer = error.compareTo(error(sum, total, other));
                assertThat(nearer)
                        .as("seed %s element %d: %s or %s", c, j, got, other)
                        .isLessThanOrEqualTo(0);
                if (nearer == 0) {
                    assertThat(lastBit(c.dtype, out, j)).as("tie to even, element %d", j).isZero();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalIngredientsGiveThemselves(Case c) {
        Random random = new Random(c.seed + 200);
        int n = 1 + random.nextInt(6);
        int count = 1500;
        MemorySegment one = inputs(c.dtype, random, 1, count)[0];
        MemorySegment[] in = new MemorySegment[n];
        Arrays.fill(in, one);
        MemorySegment out =
                average(
                        AverageKernel.fast(Spec.of(c.dtype, coefficients(random, n))),
                        in,
                        count,
                        c.dtype);
        assertThat(out.mismatch(one)).as("seed %s", c).isEqualTo(-1);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nanAndInfinityAreNoticedWhereverTheyAre(Case c) {
        Random random = new Random(c.seed + 300);
        for (int n = 1; n <= 3; n++) {
            int count = 1100;
            MemorySegment[] in = inputs(c.dtype, random, n, count);
            double bad =
                    new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}
                            [random.nextInt(3)];
            FloatFormat.of(c.dtype).put(in[random.nextInt(n)], random.nextInt(count), bad);
            MemorySegment out = segment(count, c.dtype);
            long[] a = coefficients(random, n);
            assertThat(AverageKernel.fast(Spec.of(c.dtype, a)).average(in, out, count)).isFalse();
            assertThat(new ExactKernel(Spec.of(c.dtype, a)).average(in, out, count)).isFalse();
        }
    }

    @Test
    void aHairFromATieIsSeenWhenTheQuotientNeeds54Bits() {
        // W + 1/2 + 1/(2A) with A just above 2^29: a double quotient shows W + 1/2 alone.
        long a2 = 1 << 28;
        int even = (1 << 23) + 2;
        float w = even;
        assertThat(f32(new long[] {a2 + 1, a2}, w + 1, w)).isEqualTo(w + 1);
        assertThat(f32(new long[] {a2, a2 + 1}, w + 1, w)).isEqualTo(w);
        assertThat(f32(new long[] {a2, a2}, w + 1, w)).isEqualTo(w);
        assertThat(f32(new long[] {a2, a2}, w + 1, w + 2)).isEqualTo(w + 2);
    }

    @Test
    void whatACompensatedSumLosesStillBreaksTies() {
        // The mean is 1 + 2^-24 (a tie) + 2^-143; the last term drowns beside 2^-78.
        long[] a = {1, 1, 1, 1, 4};
        float[] w = {8, 0x1p-21f, 0x1p-78f, 0x1p-140f, -0x1p-80f};
        assertThat(f32(a, w)).isEqualTo(1 + 0x1p-23f);
        w[3] = -w[3];
        assertThat(f32(a, w)).isEqualTo(1);
        w[3] = 0;
        assertThat(f32(a, w)).isEqualTo(1);
    }

    /** One element through the fast kernel. */
    private static float f32(long[] a, float... w) {
        MemorySegment[] in = new MemorySegment[w.length];
        for (int i = 0; i < w.length; i++) {
            in[i] = segment(1, DType.F32);
            in[i].setAtIndex(FloatCodec.F32, 0, w[i]);
        }
        return average(AverageKernel.fast(Spec.of(DType.F32, a)), in, 1, DType.F32)
                .getAtIndex(FloatCodec.F32, 0);
    }

    static MemorySegment average(AverageKernel k, MemorySegment[] in, int count, DType dtype) {
        MemorySegment out = segment(count, dtype);
        assertThat(k.average(in, out, count)).isTrue();
        return out;
    }

    static MemorySegment segment(int count, DType dtype) {
        return MemorySegment.ofArray(new byte[count * dtype.bytes()]);
    }

    static long[] coefficients(Random random, int n) {
        long[] a = new long[n];
        int kind = random.nextInt(4);
        for (int i = 0; i < n; i++) {
            a[i] =
                    switch (kind) {
                        case 0 -> 1;
                        case 1 -> 1 + random.nextInt(10);
                        case 2 -> 1 + random.nextInt(100_000_000);
                        default -> 1 + (random.nextLong() >>> 14);
                    };
        }
        return a;
    }

    /** Finite values of several kinds: like weights, near one another, ties, any bits, zeros. */
    public static MemorySegment[] inputs(DType dtype, Random random, int n, int count) {
        FloatFormat format = FloatFormat.of(dtype);
        MemorySegment[] in = new MemorySegment[n];
        for (int i = 0; i < n; i++) {
            in[i] = segment(count, dtype);
        }
        for (int j = 0; j < count; j++) {
            int kind = random.nextInt(6);
            double base = random.nextGaussian() * 0.05;
            for (int i = 0; i < n; i++) {
                double v =
                        switch (kind) {
                            case 0 -> base + random.nextGaussian() * 1e-4;
                            case 1 -> random.nextGaussian();
                            case 2 -> random.nextInt(9) - 4;
                            case 3 -> (random.nextBoolean() ? -0.0 : 0.0);
                            default -> 0;
                        };
                if (kind < 4) {
                    put(format, in[i], j, v);
                } else {
                    do {
                        bits(dtype, in[i], j, random.nextLong());
                    } while (!Double.isFinite(format.get(in[i], j)));
                }
            }
        }
        return in;
    }

    private static void put(FloatFormat format, MemorySegment s, int j, double v) {
        format.put(s, j, v);
    }

    private static void bits(DType dtype, MemorySegment s, int j, long bits) {
        switch (dtype.bytes()) {
            case 8 -> s.setAtIndex(FloatCodec.F64, j, Double.longBitsToDouble(bits));
            case 4 -> s.setAtIndex(FloatCodec.F32, j, Float.intBitsToFloat((int) bits));
            case 2 -> s.setAtIndex(FloatCodec.I16, j, (short) bits);
            default -> s.set(ValueLayout.JAVA_BYTE, j, (byte) bits);
        }
    }

    private static int lastBit(DType dtype, MemorySegment s, int j) {
        return s.get(ValueLayout.JAVA_BYTE, (long) j * dtype.bytes()) & 1;
    }

    private static BigDecimal error(BigDecimal sum, BigDecimal total, double v) {
        return new BigDecimal(v).multiply(total).subtract(sum).abs();
    }

    /** The next value of the format, found by counting its bit patterns. */
    private static double neighbour(DType dtype, double v, int direction) {
        if (v == 0) {
            return direction * Math.scalb(1.0, FloatFormat.of(dtype).unit);
        }
        int step = v > 0 ? direction : -direction;
        return switch (dtype) {
            case F64 -> Double.longBitsToDouble(Double.doubleToLongBits(v) + step);
            case F32 -> Float.intBitsToFloat(Float.floatToIntBits((float) v) + step);
            case F16 -> Float.float16ToFloat((short) (Float.floatToFloat16((float) v) + step));
            case BF16 ->
                    Float.intBitsToFloat(((Float.floatToIntBits((float) v) >>> 16) + step) << 16);
            case F8_E4M3, F8_E5M2 -> {
                FloatFormat f = FloatFormat.of(dtype);
                yield f.floatOf((byte) (f.byteOf((float) v) + step));
            }
            default -> throw new IllegalArgumentException();
        };
    }

    /** Beyond 1 a float does not hold every kept sum; near 2^7 it rounds past the largest. */
    @Test
    void keptSumsOfEverySizeAgreeWithTheExactKernel() {
        Random random = new Random(9);
        int count = 20_000;
        int[] sums = new int[count];
        short[] halves = new short[count];
        int[] edges = {
            0,
            1,
            -1,
            1 << 24,
            (1 << 24) + 1,
            -(1 << 24) - 1,
            (1 << 25) + 2,
            Integer.MAX_VALUE,
            -Integer.MAX_VALUE,
            Integer.MAX_VALUE - 63,
            Integer.MAX_VALUE - 64,
            0x7fffff80
        };
        for (int i = 0; i < count; i++) {
            int drawn = random.nextInt() >> random.nextInt(31);
            sums[i] = i < edges.length ? edges[i] : Math.max(drawn, -Integer.MAX_VALUE);
            halves[i] = Float.floatToFloat16((float) random.nextGaussian() * (i % 3));
        }
        MemorySegment[] in = {segment(count * 4L), segment(count * 2L)};
        MemorySegment.copy(sums, 0, in[0], FloatCodec.I32, 0, count);
        MemorySegment.copy(halves, 0, in[1], FloatCodec.I16, 0, count);
        for (long total : new long[] {1, 3, 8, 15}) {
            for (DType out : new DType[] {DType.F16, DType.BF16, DType.F32}) {
                Spec spec =
                        new Spec(
                                List.of(FloatFormat.SUM_FIXED, FloatFormat.F16),
                                FloatFormat.of(out),
                                List.of(1L, -1L),
                                total,
                                false);
                MemorySegment exact = average(new ExactKernel(spec), in, count, out);
                MemorySegment fast = average(AverageKernel.fast(spec), in, count, out);
                assertThat(fast.mismatch(exact)).as(out + " of " + total).isEqualTo(-1);
            }
        }
    }

    private static MemorySegment segment(long bytes) {
        return MemorySegment.ofArray(new long[(int) (bytes / 8)]);
    }
}
