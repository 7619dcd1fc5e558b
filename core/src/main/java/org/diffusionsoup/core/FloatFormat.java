package org.diffusionsoup.core;

import java.lang.foreign.MemorySegment;

/**
 * The binary formats that are averaged.
 *
 * <p>{@code precision} counts significant bits with the hidden one; {@code unit} is the exponent of
 * the smallest subnormal.
 */
enum FloatFormat {
    F64(53, -1074),
    F32(24, -149),
    F16(11, -24),
    BF16(8, -133);

    final int precision;
    final int unit;

    FloatFormat(int precision, int unit) {
        this.precision = precision;
        this.unit = unit;
    }

    static boolean covers(DType dtype) {
        return switch (dtype) {
            case F64, F32, F16, BF16 -> true;
            case F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> false;
        };
    }

    static FloatFormat of(DType dtype) {
        return valueOf(dtype.name());
    }

    /** One stored element as a double, exactly. */
    double get(MemorySegment s, long i) {
        return switch (this) {
            case F64 -> s.getAtIndex(FloatCodec.F64, i);
            case F32 -> s.getAtIndex(FloatCodec.F32, i);
            case F16 -> Float.float16ToFloat(s.getAtIndex(FloatCodec.I16, i));
            case BF16 -> FloatCodec.bf16ToFloat(s.getAtIndex(FloatCodec.I16, i));
        };
    }

    /** Stores a value that the format holds exactly. */
    void put(MemorySegment s, long i, double exact) {
        switch (this) {
            case F64 -> s.setAtIndex(FloatCodec.F64, i, exact);
            case F32 -> s.setAtIndex(FloatCodec.F32, i, (float) exact);
            case F16 -> s.setAtIndex(FloatCodec.I16, i, Float.floatToFloat16((float) exact));
            case BF16 -> s.setAtIndex(FloatCodec.I16, i, FloatCodec.floatToBf16((float) exact));
        }
    }
}
