package org.diffusionsoup.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;

/** Conversions between stored floating-point elements and Java's floats and doubles. */
public final class FloatCodec {
    public static final ValueLayout.OfFloat F32 =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfDouble F64 =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfInt I32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ValueLayout.OfShort HERE16 = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt HERE32 = ValueLayout.JAVA_INT_UNALIGNED;

    private FloatCodec() {}

    /**
     * Reads n elements of 2 bytes into the memory of an array. Copying into the array itself does
     * the same, but takes the JVM time to link at the first block; what it costs is in
     * docs/adr/0008-start-up.md.
     */
    public static void load16(MemorySegment from, long at, MemorySegment array, int n) {
        MemorySegment.copy(from, I16, at, array, HERE16, 0, n);
    }

    /** Reads n elements of 4 bytes into the memory of an array. */
    public static void load32(MemorySegment from, long at, MemorySegment array, int n) {
        MemorySegment.copy(from, I32, at, array, HERE32, 0, n);
    }

    /** Writes n elements of 2 bytes from the memory of an array. */
    public static void store16(MemorySegment array, MemorySegment to, long at, int n) {
        MemorySegment.copy(array, HERE16, 0, to, I16, at, n);
    }

    /** Writes n elements of 4 bytes from the memory of an array. */
    public static void store32(MemorySegment array, MemorySegment to, long at, int n) {
        MemorySegment.copy(array, HERE32, 0, to, I32, at, n);
    }

    public static float[] decode(TensorInfo info, MemorySegment data, Path path) {
        if (info.elements() > Integer.MAX_VALUE - 8) {
            throw new SoupException(
                    "Tensor '" + info.name() + "' in " + path + " is too large for an array.");
        }
        float[] out = new float[(int) info.elements()];
        switch (info.dtype()) {
            case F64 -> {
                for (int i = 0; i < out.length; i++) {
                    out[i] = (float) data.getAtIndex(F64, i);
                }
            }
            case F32 -> MemorySegment.copy(data, F32, 0, out, 0, out.length);
            case F16 -> {
                for (int i = 0; i < out.length; i++) {
                    out[i] = Float.float16ToFloat(data.getAtIndex(I16, i));
                }
            }
            case BF16 -> {
                for (int i = 0; i < out.length; i++) {
                    out[i] = bf16ToFloat(data.getAtIndex(I16, i));
                }
            }
            case F8_E4M3, F8_E5M2 -> {
                FloatFormat format = FloatFormat.of(info.dtype());
                for (int i = 0; i < out.length; i++) {
                    out[i] = (float) format.get(data, i);
                }
            }
            case I64, I32, I16, I8, U64, U32, U16, U8, BOOL ->
                    throw new SoupException(
                            "Tensor '"
                                    + info.name()
                                    + "' in "
                                    + path
                                    + " is "
                                    + info.dtype()
                                    + ", not a floating-point dtype.");
        }
        return out;
    }

    /** Exact: a bfloat16 is the upper half of a float. */
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** Rounds to nearest, ties to even; NaN stays a (quiet) NaN. */
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    /**
     * A float that is the double if it can be, and else the neighbour whose last bit is 1: further
     * narrowing rounds as if it had seen the double.
     */
    public static float narrowToOdd(double d) {
        float f = (float) d;
        int b = Float.floatToRawIntBits(f);
        int inexact = (double) f != d ? 1 : 0;
        int above = Math.abs((double) f) > Math.abs(d) ? 1 : 0;
        return Float.intBitsToFloat((b - above) | inexact);
    }
}
