package org.diffusionsoup.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The binary formats that are averaged.
 *
 * <p>{@code precision} counts significant bits with the hidden one; {@code unit} is the exponent of
 * the smallest subnormal; {@code max} is the largest finite value.
 *
 * <p>The two 8-bit formats are those of Micikevicius et al. 2022 ("FP8 Formats for Deep Learning"):
 * E5M2 is a short F16, E4M3 has no infinities and one NaN per sign.
 */
public enum FloatFormat {
    F64(53, -1074, Double.MAX_VALUE),
    F32(24, -149, Float.MAX_VALUE),
    F16(11, -24, 65504),
    BF16(8, -133, 0x1.fep127),
    F8_E4M3(4, -9, 448),
    F8_E5M2(3, -16, 57344),

    /** A kept sum of F16 or F8 ingredients: a 32-bit integer counting 2^-24. */
    SUM_FIXED(31, -24, 0x1p7 - 0x1p-24),

    /** A kept sum of other ingredients: a double that lies far from under- and overflow. */
    SUM_DOUBLE(53, -600, 0x1p600);

    private static final float[] E4M3 = new float[256];
    private static final float[] E5M2 = new float[256];

    static {
        for (int b = 0; b < 256; b++) {
            E4M3[b] = e4m3(b);
            E5M2[b] = Float.float16ToFloat((short) (b << 8));
        }
    }

    public final int precision;
    public final int unit;
    public final double max;

    FloatFormat(int precision, int unit, double max) {
        this.precision = precision;
        this.unit = unit;
        this.max = max;
    }

    static boolean covers(DType dtype) {
        return dtype.isFloat();
    }

    public static FloatFormat of(DType dtype) {
        return valueOf(dtype.name());
    }

    /** One stored element as a double, exactly. */
    public double get(MemorySegment s, long i) {
        return switch (this) {
            case F64 -> s.getAtIndex(FloatCodec.F64, i);
            case F32 -> s.getAtIndex(FloatCodec.F32, i);
            case F16 -> Float.float16ToFloat(s.getAtIndex(FloatCodec.I16, i));
            case BF16 -> FloatCodec.bf16ToFloat(s.getAtIndex(FloatCodec.I16, i));
            case F8_E4M3, F8_E5M2 -> floatOf(s.get(ValueLayout.JAVA_BYTE, i));
            case SUM_FIXED -> s.getAtIndex(FloatCodec.I32, i) * 0x1p-24;
            case SUM_DOUBLE -> s.getAtIndex(FloatCodec.F64, i);
        };
    }

    /** Stores a value that the format holds exactly, or NaN, or (not as E4M3) an infinity. */
    public void put(MemorySegment s, long i, double exact) {
        switch (this) {
            case F64 -> s.setAtIndex(FloatCodec.F64, i, exact);
            case F32 -> s.setAtIndex(FloatCodec.F32, i, (float) exact);
            case F16 -> s.setAtIndex(FloatCodec.I16, i, Float.floatToFloat16((float) exact));
            case BF16 -> s.setAtIndex(FloatCodec.I16, i, FloatCodec.floatToBf16((float) exact));
            case F8_E4M3, F8_E5M2 -> s.set(ValueLayout.JAVA_BYTE, i, byteOf((float) exact));
            case SUM_FIXED -> s.setAtIndex(FloatCodec.I32, i, (int) (exact * 0x1p24));
            case SUM_DOUBLE -> s.setAtIndex(FloatCodec.F64, i, exact);
        }
    }

    /** What the sum of ingredients of these formats is kept in. */
    public static FloatFormat ofSum(List<FloatFormat> ingredients) {
        return ingredients.stream().allMatch(f -> f.unit >= F16.unit && f.max <= F16.max)
                ? SUM_FIXED
                : SUM_DOUBLE;
    }

    public boolean isSum() {
        return this == SUM_FIXED || this == SUM_DOUBLE;
    }

    /** The value of an 8-bit code. */
    public float floatOf(byte code) {
        return (this == F8_E4M3 ? E4M3 : E5M2)[code & 0xff];
    }

    /**
     * The 8-bit code nearest to a float, ties to even. What lies beyond the largest finite value
     * becomes E5M2's infinity or E4M3's NaN.
     */
    public byte byteOf(float v) {
        int sign = Float.floatToRawIntBits(v) >>> 31 << 7;
        if (Float.isNaN(v)) {
            return (byte) (sign | (this == F8_E4M3 ? 0x7f : 0x7e));
        }
        double size = Math.abs((double) v);
        int exponent = size == 0 ? Integer.MIN_VALUE : Math.getExponent(size);
        int u = Math.max(exponent - precision + 1, unit);
        // At most 24 bits are shifted, so both scalings are exact and rint is the one rounding.
        double steps = Math.rint(Math.scalb(size, -u));
        double rounded = Math.scalb(steps, u);
        if (rounded > max) {
            return (byte) (sign | (this == F8_E4M3 ? 0x7f : 0x7c));
        }
        int fraction = precision - 1;
        int smallestNormal = unit + fraction;
        if (rounded < Math.scalb(1.0, smallestNormal)) {
            return (byte) (sign | (int) Math.scalb(rounded, -unit));
        }
        int e = Math.getExponent(rounded);
        int m = (int) Math.scalb(rounded, fraction - e) - (1 << fraction);
        return (byte) (sign | ((e - smallestNormal + 1) << fraction) | m);
    }

    private static float e4m3(int b) {
        int e = (b >> 3) & 0xf;
        int m = b & 7;
        float size =
                (b & 0x7f) == 0x7f
                        ? Float.NaN
                        : e == 0 ? m * 0x1p-9f : Math.scalb(1 + m / 8f, e - 7);
        return b < 128 ? size : -size;
    }
}
