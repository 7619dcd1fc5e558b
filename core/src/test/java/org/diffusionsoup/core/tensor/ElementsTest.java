package org.diffusionsoup.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Stored elements as doubles and back: every code of the small formats, and one rounding. */
class ElementsTest {
    private static MemorySegment room(DType dtype, int count) {
        return Arena.ofAuto().allocate((long) count * dtype.bytes(), 8);
    }

    private static MemorySegment allCodes(DType dtype) {
        int count = dtype.bytes() == 1 ? 256 : 65536;
        MemorySegment s = room(dtype, count);
        for (int i = 0; i < count; i++) {
            if (dtype.bytes() == 1) {
                s.set(ValueLayout.JAVA_BYTE, i, (byte) i);
            } else {
                s.setAtIndex(FloatCodec.I16, i, (short) i);
            }
        }
        return s;
    }

    /** All finite values, from the lowest up, without -0. */
    private static double[] values(DType dtype) {
        MemorySegment codes = allCodes(dtype);
        double[] all = new double[(int) (codes.byteSize() / dtype.bytes())];
        Elements.decode(dtype, codes, all, all.length);
        List<Double> finite = new ArrayList<>();
        for (double v : all) {
            if (Double.isFinite(v) && Double.doubleToRawLongBits(v) != Long.MIN_VALUE) {
                finite.add(v);
            }
        }
        return finite.stream().sorted().mapToDouble(d -> d).toArray();
    }

    private static double[] stored(DType dtype, double... values) {
        MemorySegment s = room(dtype, values.length);
        assertThat(Elements.encode(dtype, values, s, values.length)).isEqualTo(-1);
        double[] back = new double[values.length];
        Elements.decode(dtype, s, back, values.length);
        return back;
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void everyFiniteValueComesBack(DType dtype) {
        double[] all = values(dtype);
        assertThat(all).hasSizeGreaterThan(200);
        assertThat(stored(dtype, all)).isEqualTo(all);
        assertThat(1 / stored(dtype, -0.0)[0]).isEqualTo(Double.NEGATIVE_INFINITY);
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void betweenNeighboursTheNearerWinsAndTiesGoToEven(DType dtype) {
        double[] all = values(dtype);
        for (int i = 0; i + 1 < all.length; i++) {
            double low = all[i];
            double high = all[i + 1];
            double middle = low + (high - low) / 2; // exact: formats are far narrower than double
            double[] got = stored(dtype, Math.nextDown(middle), middle, Math.nextUp(middle));
            assertThat(got[0]).isEqualTo(low);
            assertThat(got[2]).isEqualTo(high);
            assertThat(got[1]).isEqualTo(isEven(dtype, low) ? low : high);
        }
    }

    private static boolean isEven(DType dtype, double v) {
        MemorySegment s = room(dtype, 1);
        Elements.encode(dtype, new double[] {v}, s, 1);
        return (s.get(ValueLayout.JAVA_BYTE, 0) & 1) == 0;
    }

    @Test
    void f32AndF64AreTheCastAndTheValue() {
        Random r = new Random(1);
        double[] v = r.doubles(10_000, -3, 3).toArray();
        double[] f32 = stored(DType.F32, v);
        for (int i = 0; i < v.length; i++) {
            assertThat(f32[i]).isEqualTo((float) v[i]);
        }
        assertThat(stored(DType.F64, v)).isEqualTo(v);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void whatDoesNotFitIsPointedAt(DType dtype) {
        double max = FloatFormat.of(dtype).max;
        MemorySegment s = room(dtype, 4);
        assertThat(Elements.encode(dtype, new double[] {1, max, -max, 0}, s, 4)).isEqualTo(-1);
        assertThat(Elements.encode(dtype, new double[] {1, max, -max * 1.2, 0}, s, 4)).isEqualTo(2);
        assertThat(Elements.encode(dtype, new double[] {1, Double.NaN, 0, 0}, s, 4)).isEqualTo(1);
        if (dtype != DType.F64) {
            double a = Math.nextUp(max); // rounds down to the largest
            assertThat(Elements.encode(dtype, new double[] {a, 0, 0, 0}, s, 4)).isEqualTo(-1);
        }
    }
}
