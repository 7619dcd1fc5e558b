package org.diffusionsoup.core.tensor;

import java.lang.foreign.MemorySegment;

/** Floating-point elements as they are stored, to and from arrays of doubles. */
public final class Elements {
    private Elements() {}

    /**
     * Reads stored elements, exactly.
     *
     * @param dtype a floating-point dtype
     * @param in little-endian, at least {@code count} elements
     * @param out receives {@code count} values from index 0, NaN and infinities among them
     */
    public static void decode(DType dtype, MemorySegment in, double[] out, int count) {
        FloatFormat format = FloatFormat.of(dtype);
        switch (format) {
            case F64 -> MemorySegment.copy(in, FloatCodec.F64, 0, out, 0, count);
            case F32 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = in.getAtIndex(FloatCodec.F32, i);
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = Float.float16ToFloat(in.getAtIndex(FloatCodec.I16, i));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = FloatCodec.bf16ToFloat(in.getAtIndex(FloatCodec.I16, i));
                }
            }
            case F8_E4M3, F8_E5M2 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = format.get(in, i);
                }
            }
            case SUM_FIXED, SUM_DOUBLE -> throw new AssertionError("no dtype is stored as a sum");
        }
    }

    /**
     * Stores values, each rounded once, to nearest with ties to even.
     *
     * @param dtype a floating-point dtype
     * @param in {@code count} values from index 0
     * @param out receives {@code count} elements, little-endian
     * @return the index of the first value that is NaN or infinite, or beyond the dtype's largest;
     *     -1 if there is none, otherwise {@code out} is worthless
     */
    public static int encode(DType dtype, double[] in, MemorySegment out, int count) {
        FloatFormat format = FloatFormat.of(dtype);
        double largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs(in[i])); // NaN stays NaN
        }
        switch (format) {
            case F64 -> MemorySegment.copy(in, 0, out, FloatCodec.F64, 0, count);
            case F32 -> {
                for (int i = 0; i < count; i++) {
                    out.setAtIndex(FloatCodec.F32, i, (float) in[i]);
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    float f = FloatCodec.narrowToOdd(in[i]);
                    out.setAtIndex(FloatCodec.I16, i, Float.floatToFloat16(f));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    float f = FloatCodec.narrowToOdd(in[i]);
                    out.setAtIndex(FloatCodec.I16, i, FloatCodec.floatToBf16(f));
                }
            }
            case F8_E4M3, F8_E5M2 -> {
                for (int i = 0; i < count; i++) {
                    format.put(out, i, FloatCodec.narrowToOdd(in[i]));
                }
            }
            case SUM_FIXED, SUM_DOUBLE -> throw new AssertionError("no dtype is stored as a sum");
        }
        return largest <= format.max ? -1 : firstNotFinite(format, out, count);
    }

    /** Values a little beyond the largest may have been rounded down to it: -1 if all were. */
    private static int firstNotFinite(FloatFormat format, MemorySegment stored, int count) {
        for (int i = 0; i < count; i++) {
            if (!Double.isFinite(format.get(stored, i))) {
                return i;
            }
        }
        return -1;
    }
}
