package org.diffusionsoup.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FloatCodecTest {
    @TempDir Path dir;

    @Test
    void allHalvesAreDecodedAsTheirBitsSay() {
        float[] got = decode(DType.F16);
        for (int bits = 0; bits < 1 << 16; bits++) {
            assertThat(got[bits]).isEqualTo(Float.valueOf((float) byDefinition(bits, 5, 10)));
        }
    }

    @Test
    void allBfloatsAreDecodedAsTheirBitsSay() {
        float[] got = decode(DType.BF16);
        for (int bits = 0; bits < 1 << 16; bits++) {
            assertThat(got[bits]).isEqualTo(Float.valueOf((float) byDefinition(bits, 8, 7)));
        }
    }

    @Test
    void allBfloatsSurviveTheWayBackAndNanStaysNan() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float f = FloatCodec.bf16ToFloat((short) bits);
            short back = FloatCodec.floatToBf16(f);
            if (Float.isNaN(f)) {
                assertThat(FloatCodec.bf16ToFloat(back)).isNaN();
            } else {
                assertThat(back).isEqualTo((short) bits);
            }
        }
        assertThat(FloatCodec.bf16ToFloat(FloatCodec.floatToBf16(Float.intBitsToFloat(0x7f800001))))
                .isNaN();
    }

    @Test
    void betweenAllNeighbouringBfloatsRoundingIsToNearestThenEven() {
        for (int bits = 0; bits < 0x7f7f; bits++) {
            for (int sign : new int[] {0, 0x8000}) {
                int low = (bits | sign) << 16;
                short even = (short) ((bits | sign) + (bits & 1));
                short down = (short) (bits | sign);
                short up = (short) ((bits | sign) + 1);
                assertThat(FloatCodec.floatToBf16(Float.intBitsToFloat(low + 0x7fff)))
                        .isEqualTo(down);
                assertThat(FloatCodec.floatToBf16(Float.intBitsToFloat(low + 0x8000)))
                        .isEqualTo(even);
                assertThat(FloatCodec.floatToBf16(Float.intBitsToFloat(low + 0x8001)))
                        .isEqualTo(up);
            }
        }
        assertThat(FloatCodec.floatToBf16(Float.MAX_VALUE)).isEqualTo((short) 0x7f80);
    }

    @Test
    void narrowingByWayOfOddRoundsDoublesToHalvesOnce() {
        Random random = new Random(7);
        for (int i = 0; i < 200_000; i++) {
            int bits = random.nextInt(0x7bff);
            double low = byDefinition(bits, 5, 10);
            double high = byDefinition(bits + 1, 5, 10);
            double middle = (low + high) / 2;
            short even = (short) (bits + (bits & 1));
            // One double away from a tie: a detour through float would see the tie itself.
            assertThat(half(Math.nextDown(middle))).isEqualTo((short) bits);
            assertThat(half(middle)).isEqualTo(even);
            assertThat(half(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
            assertThat(half(-Math.nextUp(middle))).isEqualTo((short) ((bits + 1) | 0x8000));
        }
    }

    @Test
    void doublesAreRoundedAndOtherDtypesRefused() {
        Path p = dir.resolve("f");
        MemorySegment doubles = MemorySegment.ofArray(new byte[16]);
        doubles.setAtIndex(FloatCodec.F64, 1, 0.1);
        SafetensorsWriter.write(
                p,
                Map.of(),
                List.of(
                        new TensorEntry("d", DType.F64, new long[] {2}, TensorBytes.of(doubles)),
                        new TensorEntry("i", DType.I64, new long[] {1}, TensorBytes.of(1L))));
        try (SafetensorsFile f = SafetensorsFile.open(p)) {
            assertThat(f.floats("d")).containsExactly(0f, 0.1f);
            assertThatThrownBy(() -> f.floats("i"))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("'i'")
                    .hasMessageContaining("I64");
        }
    }

    private static short half(double d) {
        return Float.floatToFloat16(FloatCodec.narrowToOdd(d));
    }

    private float[] decode(DType dtype) {
        MemorySegment s = MemorySegment.ofArray(new byte[2 << 16]);
        for (int bits = 0; bits < 1 << 16; bits++) {
            s.setAtIndex(FloatCodec.I16, bits, (short) bits);
        }
        Path p = dir.resolve("all");
        SafetensorsWriter.write(
                p,
                Map.of(),
                List.of(new TensorEntry("t", dtype, new long[] {1 << 16}, TensorBytes.of(s))));
        try (SafetensorsFile f = SafetensorsFile.open(p)) {
            return f.floats("t");
        }
    }

    /** IEEE 754's definition of a binary format with these field widths. */
    private static double byDefinition(int bits, int exponentBits, int fractionBits) {
        int bias = (1 << (exponentBits - 1)) - 1;
        int exponent = (bits >> fractionBits) & ((1 << exponentBits) - 1);
        int fraction = bits & ((1 << fractionBits) - 1);
        double sign = (bits & 0x8000) == 0 ? 1 : -1;
        if (exponent == (1 << exponentBits) - 1) {
            return fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        double significand = fraction + (exponent == 0 ? 0 : 1 << fractionBits);
        return sign * significand * Math.pow(2, Math.max(exponent, 1) - bias - fractionBits);
    }
}
