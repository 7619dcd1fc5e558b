package org.diffusionsoup.core.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.kernel.SumExceptions.Exact;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Kept sums, element by element against integers of any length. */
class SumKernelTest {
    record Case(DType dtype, boolean kept, int n, long seed) {}

    static Stream<Case> cases() {
        return Stream.of(DType.F16, DType.BF16, DType.F32)
                .flatMap(d ->
                        Stream.of(1, 2, 5, 16, 40)
                                .flatMap(n ->
                                        LongStream.rangeClosed(1, 6)
                                                .mapToObj(s -> new Case(d, s % 2 == 0, n, s))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyElementIsTheExactSumOrAnException(Case c) {
        Random random = new Random(17 * c.seed + c.n);
        FloatFormat format = FloatFormat.of(c.dtype);
        FloatFormat out = FloatFormat.ofSum(List.of(format));
        int count = 3 * HalfSums.BLOCK + random.nextInt(500);
        List<FloatFormat> formats = new ArrayList<>();
        List<Long> a = new ArrayList<>();
        MemorySegment[] in = new MemorySegment[c.n + (c.kept ? 1 : 0)];
        if (c.kept) {
            formats.add(out);
            a.add(1L);
            in[0] = kept(out, count, random);
        }
        for (int i = 0; i < c.n; i++) {
            formats.add(format);
            a.add((1 + random.nextInt(9)) * (c.kept && random.nextBoolean() ? -1L : 1));
            in[a.size() - 1] = weights(c.dtype, count, random);
        }
        SumExceptions exceptions = new SumExceptions("");
        int bytes = out == FloatFormat.SUM_FIXED ? 4 : 8;
        MemorySegment to = MemorySegment.ofArray(new byte[count * bytes]);
        Spec spec = new Spec(formats, out, a, 1, false);
        long from = 1000;
        assertThat(new SumKernel(spec, "t", exceptions).average(in, to, count, from)).isTrue();
        var apart = exceptions.in("t", from, from + count);
        for (int j = 0; j < count; j++) {
            Exact exact = Exact.zero();
            for (int i = 0; i < in.length; i++) {
                exact = exact.plus(a.get(i), formats.get(i).get(in[i], j));
            }
            Exact other = apart.get(from + j);
            double got = out.get(to, j);
            if (other != null) {
                assertThat(other).as("%s element %d", c, j).isEqualTo(exact);
                assertThat(got).isZero();
            } else {
                assertThat(exact.negativeZeros()).as("%s element %d", c, j).isZero();
                assertThat(Exact.zero().plus(1, got).sum().signum())
                        .isEqualTo(exact.sum().signum());
                assertThat(exact.plus(-1, got).sum().signum())
                        .as("%s element %d: %s", c, j, got)
                        .isZero();
                assertThat(Math.abs(got)).isLessThanOrEqualTo(out.max);
                assertThat(Double.doubleToRawLongBits(got)).isNotEqualTo(Long.MIN_VALUE);
            }
        }
        assertThat(apart.size()).as("most elements fit").isLessThan(count / 2);
    }

    /** Weights as they are, in most blocks with a few that break the fast paths. */
    private static MemorySegment weights(DType dtype, int count, Random random) {
        MemorySegment s = AverageKernelTest.segment(count, dtype);
        FloatFormat f = FloatFormat.of(dtype);
        double[] odd = {-0.0, 1, -3, 60, f.max / 64, Math.scalb(1.0, f.unit), 0};
        for (int j = 0; j < count; j++) {
            boolean plain = j < HalfSums.BLOCK || random.nextInt(400) > 0;
            double w = plain ? 0.02 * random.nextGaussian() : odd[random.nextInt(odd.length)];
            float v = (float) Math.clamp(w, -1e30, 1e30);
            f.put(
                    s,
                    j,
                    dtype == DType.BF16 ? FloatCodec.bf16ToFloat(FloatCodec.floatToBf16(v)) : v);
        }
        return s;
    }

    private static MemorySegment kept(FloatFormat out, int count, Random random) {
        boolean fixed = out == FloatFormat.SUM_FIXED;
        MemorySegment s = MemorySegment.ofArray(new byte[count * (fixed ? 4 : 8)]);
        for (int j = 0; j < count; j++) {
            boolean large = random.nextInt(300) == 0;
            if (fixed) {
                int v = large ? Integer.MAX_VALUE - random.nextInt(99) : random.nextInt(1 << 23);
                s.setAtIndex(FloatCodec.I32, j, random.nextBoolean() ? v : -v);
            } else {
                double v = large ? random.nextGaussian() : (float) (random.nextGaussian() / 4);
                s.setAtIndex(FloatCodec.F64, j, v);
            }
        }
        return s;
    }

    @Test
    void infinitiesAndNanAreRefused() {
        for (DType dtype : new DType[] {DType.F16, DType.F32}) {
            MemorySegment in = AverageKernelTest.segment(HalfSums.BLOCK, dtype);
            FloatFormat format = FloatFormat.of(dtype);
            FloatFormat out = FloatFormat.ofSum(List.of(format));
            MemorySegment to = MemorySegment.ofArray(new byte[HalfSums.BLOCK * 8]);
            Spec spec = new Spec(List.of(format), out, List.of(1L), 1, false);
            for (double bad : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
                format.put(in, 77, bad);
                SumKernel kernel = new SumKernel(spec, "t", new SumExceptions(""));
                assertThat(kernel.average(new MemorySegment[] {in}, to, HalfSums.BLOCK, 0))
                        .as("%s %s", dtype, bad)
                        .isFalse();
            }
        }
    }
}
