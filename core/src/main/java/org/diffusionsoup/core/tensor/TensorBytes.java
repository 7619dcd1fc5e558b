package org.diffusionsoup.core.tensor;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/** A tensor's bytes as a stream: little-endian, row major, as many as dtype and shape say. */
@FunctionalInterface
public interface TensorBytes {
    /** Writes all bytes to the channel, which takes every buffer whole. */
    void writeTo(WritableByteChannel channel) throws IOException;

    /**
     * The bytes of a segment, native or over an array of any primitive type, for as long as the
     * segment is alive.
     */
    static TensorBytes of(MemorySegment segment) {
        return channel -> {
            long piece = 8L << 20;
            for (long at = 0; at < segment.byteSize(); at += piece) {
                long n = Math.min(piece, segment.byteSize() - at);
                ByteBuffer buffer = bytes(segment.asSlice(at, n));
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        };
    }

    private static ByteBuffer bytes(MemorySegment segment) {
        boolean viewable = segment.heapBase().map(a -> a instanceof byte[]).orElse(true);
        // Segments over short[], double[] and the like show no byte buffer; their bytes do.
        return viewable
                ? segment.asByteBuffer()
                : ByteBuffer.wrap(segment.toArray(ValueLayout.JAVA_BYTE));
    }

    /** The values of an F32 tensor; the array is read when the tensor is written. */
    static TensorBytes of(float... values) {
        return channel -> {
            int piece = 1 << 16;
            ByteBuffer buffer = ByteBuffer.allocateDirect(Math.min(piece, values.length) * 4);
            MemorySegment segment = MemorySegment.ofBuffer(buffer);
            for (int at = 0; at < values.length; at += piece) {
                int n = Math.min(piece, values.length - at);
                MemorySegment.copy(values, at, segment, FloatCodec.F32, 0, n);
                buffer.clear().limit(n * 4);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        };
    }

    /** The values of an I64 tensor, copied at once. */
    static TensorBytes of(long... values) {
        ValueLayout.OfLong layout =
                ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        byte[] bytes = new byte[Math.multiplyExact(values.length, 8)];
        MemorySegment.copy(values, 0, MemorySegment.ofArray(bytes), layout, 0, values.length);
        return of(MemorySegment.ofArray(bytes));
    }
}
