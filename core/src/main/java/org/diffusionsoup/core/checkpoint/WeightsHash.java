package org.diffusionsoup.core.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * What a model's weights are, whatever its file's metadata and layout: SHA-256 over every tensor in
 * name order (name, dtype, shape, data).
 *
 * <p>The hashed stream, all numbers little-endian: per tensor the name's length (4 bytes) and UTF-8
 * bytes, the dtype name's length (4 bytes) and ASCII bytes, the number of dimensions (4 bytes), the
 * dimensions (8 bytes each), the data.
 */
public final class WeightsHash {
    private static final long PIECE = 1L << 20;

    private WeightsHash() {}

    /** Hash of one file's, or one sharded set's, tensors, 64 hexadecimal digits. */
    public static String of(TensorSource file) {
        return of(file, bytes -> {});
    }

    /**
     * The same, read in pieces.
     *
     * @param read told the size of every piece read
     */
    public static String of(TensorSource file, LongConsumer read) {
        MessageDigest digest = Hashes.newSha256();
        Map<String, TensorInfo> byName = new TreeMap<>(SafetensorsWriter.BY_UTF8);
        byName.putAll(file.tensors());
        byName.values()
                .forEach(t -> {
                    string(digest, t.name());
                    string(digest, t.dtype().safetensorsName());
                    long[] shape = t.shape();
                    integer(digest, shape.length);
                    for (long d : shape) {
                        integer(digest, (int) d);
                        integer(digest, (int) (d >>> 32));
                    }
                    data(digest, file, t, read);
                });
        return Hashes.hex(digest);
    }

    /**
     * Hash of a safetensors file's tensors, or of all weights of a diffusers folder: there SHA-256
     * over a line {@code hash path} per weight file, in the order of their paths.
     *
     * @throws SoupException if it is neither, or malformed
     */
    public static String of(Path model) {
        if (DiffusersFolder.isOne(model)) {
            StringBuilder lines = new StringBuilder();
            for (String file : DiffusersFolder.open(model).weightFiles()) {
                lines.append(of(model.resolve(file))).append("  ").append(file).append('\n');
            }
            return Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8));
        }
        try (SafetensorsFile open = SafetensorsFile.open(model)) {
            return of(open);
        }
    }

    private static void data(
            MessageDigest digest, TensorSource file, TensorInfo t, LongConsumer read) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.clamp(t.byteSize(), 1, PIECE));
            for (long at = 0; at < t.byteSize(); at += PIECE) {
                MemorySegment piece = buffer.asSlice(0, Math.min(PIECE, t.byteSize() - at));
                file.read(t.name(), at, piece);
                digest.update(piece.asByteBuffer());
                read.accept(piece.byteSize());
            }
        }
    }

    private static void string(MessageDigest digest, String s) {
        byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
        integer(digest, utf8.length);
        digest.update(utf8);
    }

    private static void integer(MessageDigest digest, int v) {
        digest.update(ByteBuffer.allocate(4).putInt(Integer.reverseBytes(v)).flip());
    }
}
