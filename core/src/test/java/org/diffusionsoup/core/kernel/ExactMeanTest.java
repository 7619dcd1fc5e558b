package org.diffusionsoup.core.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.kernel.AverageKernel.NarrowingOverflow;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The mean is the correctly rounded one: held against BigDecimal on values made to go wrong, for
 * mixed dtypes, any output dtype, and 1 to 1,000 ingredients.
 */
class ExactMeanTest {
    private static final List<DType> FLOATS =
            Stream.of(DType.values()).filter(DType::isFloat).toList();

    record Case(int n, long seed) {}

    static Stream<Case> cases() {
        return Stream.of(1, 2, 3, 4, 7, 16, 33, 100, 333, 1000)
                .flatMap(n ->
                        LongStream.rangeClosed(1, n > 100 ? 2 : 8)
                                .mapToObj(seed -> new Case(n, seed)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void mixedDtypesAndAdversarialValues(Case c) {
        Random random = new Random(1000 * c.seed + c.n);
        for (DType out : FLOATS) {
            boolean mixed = random.nextBoolean();
            List<DType> in = new ArrayList<>();
            for (int i = 0; i < c.n; i++) {
                in.add(mixed ? FLOATS.get(random.nextInt(FLOATS.size())) : out);
            }
            long[] a = AverageKernelTest.coefficients(random, c.n);
            if (Arrays.stream(a).asDoubleStream().sum() > 0x1p53) {
                Arrays.setAll(a, i -> 1 + random.nextLong((1L << 53) / c.n - 1));
            }
            Spec spec = Spec.mean(in, out, Arrays.stream(a).boxed().toList(), false);
            int count = c.n > 100 ? 40 : 120;
            MemorySegment[] inputs = new MemorySegment[c.n];
            for (int i = 0; i < c.n; i++) {
                inputs[i] = AverageKernelTest.segment(count, in.get(i));
            }
            double bound = FloatFormat.of(out).max;
            for (int j = 0; j < count; j++) {
                adversarial(random, in, inputs, j, bound);
            }
            MemorySegment result = AverageKernelTest.segment(count, out);
            assertThat(AverageKernel.fast(spec).average(inputs, result, count)).isTrue();
            MemorySegment plain = AverageKernelTest.segment(count, out);
            assertThat(new ExactKernel(spec).average(inputs, plain, count)).isTrue();
            assertThat(result.mismatch(plain)).as("%s to %s", c, out).isEqualTo(-1);
            for (int j = 0; j < count; j++) {
                checkRounding(c, spec, inputs, a, j, FloatFormat.of(out).get(result, j));
            }
        }
    }

    /** One element of every ingredient, of a kind that breaks plain summation. */
    private static void adversarial(
            Random random, List<DType> in, MemorySegment[] inputs, int j, double bound) {
        int kind = random.nextInt(7);
        double common = random.nextGaussian() * Math.scalb(1.0, random.nextInt(20) - 14);
        for (int i = 0; i < inputs.length; i++) {
            FloatFormat f = FloatFormat.of(in.get(i));
            double v =
                    switch (kind) {
                        case 0 -> common * (1 + random.nextGaussian() * 1e-3);
                        // Cancellation: pairs that differ in the last bits, and a crumb.
                        case 1 -> (i % 2 == 0 ? common : -common) + Math.scalb(common, -20);
                        // The whole range of exponents.
                        case 2 ->
                                random.nextGaussian()
                                        * Math.scalb(1.0, f.unit + random.nextInt(-2 * f.unit));
                        // Subnormals.
                        case 3 -> Math.scalb(random.nextInt(9) - 4, f.unit);
                        // Ties between two neighbours, with at most one crumb to break them.
                        case 4 ->
                                i == 0 && random.nextInt(4) == 0
                                        ? Math.scalb(1.0, f.unit)
                                        : 1 + (random.nextInt(3) - 1) * 0.125;
                        case 5 -> random.nextBoolean() ? 0.0 : -0.0;
                        default ->
                                Math.scalb((double) random.nextInt(1 << 20), -random.nextInt(40));
                    };
            double limit = Math.min(f.max, bound) / 2;
            f.put(inputs[i], j, Math.clamp(v, -limit, limit));
        }
    }

    /** No neighbour in the output's format is nearer to the exact mean; of two, the even one. */
    private static void checkRounding(
            Case c, Spec spec, MemorySegment[] in, long[] a, int j, double got) {
        BigDecimal sum = BigDecimal.ZERO;
        BigDecimal total = BigDecimal.ZERO;
        for (int i = 0; i < in.length; i++) {
            BigDecimal k = BigDecimal.valueOf(a[i]);
            double w = spec.in().get(i).get(in[i], j);
            sum = sum.add(k.multiply(new BigDecimal(w)));
            total = total.add(k);
        }
        FloatFormat f = spec.out();
        int e = got == 0 ? f.unit : Math.max(f.unit, Math.getExponent(got) - f.precision + 1);
        double step = Math.scalb(1.0, e);
        boolean power = got != 0 && Math.abs(got) == Math.scalb(1.0, Math.getExponent(got));
        BigDecimal exact = error(sum, total, got);
        for (int direction : new int[] {1, -1}) {
            boolean towardsZero = got * direction < 0;
            double d = towardsZero && power && e > f.unit ? step / 2 : step;
            BigDecimal other =
                    new BigDecimal(got)
                            .add(new BigDecimal(d).multiply(BigDecimal.valueOf(direction)));
            int nearer = exact.compareTo(other.multiply(total).subtract(sum).abs());
            assertThat(nearer)
                    .as("%s %s element %d: %s or %s", c, spec.out(), j, got, other)
                    .isLessThanOrEqualTo(0);
            if (nearer == 0) {
                assertThat(Math.scalb(got, -e) % 2).as("%s element %d: tie to even", c, j).isZero();
            }
        }
    }

    private static BigDecimal error(BigDecimal sum, BigDecimal total, double v) {
        return new BigDecimal(v).multiply(total).subtract(sum).abs();
    }

    @ParameterizedTest
    @EnumSource(names = {"F8_E4M3", "F8_E5M2"})
    void allCodesOfEightBitsAreReadAndWritten(DType dtype) {
        FloatFormat f = FloatFormat.of(dtype);
        int finite = 0;
        for (int b = 0; b < 256; b++) {
            float v = f.floatOf((byte) b);
            if (Float.isFinite(v)) {
                finite++;
                assertThat(f.byteOf(v)).as("code %x", b).isEqualTo((byte) b);
            }
        }
        // The standard's counts: E4M3 has one NaN per sign, E5M2 infinities and three NaN.
        assertThat(finite).isEqualTo(dtype == DType.F8_E4M3 ? 254 : 248);
        assertThat(f.floatOf((byte) 0x38)).isEqualTo(dtype == DType.F8_E4M3 ? 1f : 0.5f);
        assertThat((Float) f.floatOf((byte) 0x7e))
                .isEqualTo((Float) (dtype == DType.F8_E4M3 ? 448f : Float.NaN));
        assertThat(f.byteOf(464)).isEqualTo(dtype == DType.F8_E4M3 ? (byte) 0x7e : (byte) 0x5f);
        assertThat(f.byteOf(61440)).isEqualTo(dtype == DType.F8_E4M3 ? (byte) 0x7f : (byte) 0x7c);
    }

    @Test
    void aMeanTooLargeForTheOutputIsRefusedAndTheLargestThatFitsIsNot() {
        MemorySegment in = AverageKernelTest.segment(1, DType.F32);
        MemorySegment out = AverageKernelTest.segment(1, DType.F16);
        Spec spec = Spec.mean(List.of(DType.F32), DType.F16, List.of(1L), false);
        in.setAtIndex(FloatCodec.F32, 0, 65519.996f);
        assertThat(AverageKernel.fast(spec).average(new MemorySegment[] {in}, out, 1)).isTrue();
        assertThat(FloatFormat.F16.get(out, 0)).isEqualTo(65504);
        in.setAtIndex(FloatCodec.F32, 0, -65520f);
        assertThatThrownBy(() -> AverageKernel.fast(spec).average(new MemorySegment[] {in}, out, 1))
                .isInstanceOf(NarrowingOverflow.class);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16", "F8_E5M2"})
    void nonFiniteValuesAreAddedAsIeeeDoesWhenAllowed(DType dtype) {
        FloatFormat f = FloatFormat.of(dtype);
        double inf = Double.POSITIVE_INFINITY;
        double[][] columns = {
            {1, 3}, {inf, 1}, {-inf, -inf}, {inf, -inf}, {Double.NaN, 1}, {-1, 1}
        };
        double[] means = {2, inf, -inf, Double.NaN, Double.NaN, 0};
        MemorySegment[] in = {
            AverageKernelTest.segment(6, dtype), AverageKernelTest.segment(6, dtype)
        };
        for (int j = 0; j < 6; j++) {
            f.put(in[0], j, columns[j][0]);
            f.put(in[1], j, columns[j][1]);
        }
        Spec spec = Spec.mean(List.of(dtype, dtype), dtype, List.of(1L, 1L), true);
        MemorySegment out = AverageKernelTest.segment(6, dtype);
        assertThat(AverageKernel.fast(spec).average(in, out, 6)).isTrue();
        for (int j = 0; j < 6; j++) {
            assertThat((Double) f.get(out, j)).as("column %d", j).isEqualTo((Double) means[j]);
        }
    }
}
