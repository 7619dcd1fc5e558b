package org.diffusionsoup.diffusion.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * A safetensors file read whole into memory. Plain on purpose and apart from the product's own
 * reader, so that a fault there cannot hide in the numbers that are compared with.
 */
public final class TensorFile {
    private final Path file;
    private final JsonNode header;
    private final ByteBuffer data;

    /**
     * Reads a file.
     *
     * @param file a small safetensors file
     */
    public TensorFile(Path file) {
        this.file = file;
        try {
            ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file));
            all.order(ByteOrder.LITTLE_ENDIAN);
            int length = Math.toIntExact(all.getLong());
            header = new ObjectMapper().readTree(all.array(), Long.BYTES, length);
            data = all.position(Long.BYTES + length).slice().order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * @return all tensor names in the header's order
     */
    public List<String> names() {
        List<String> names = new ArrayList<>();
        header.fieldNames().forEachRemaining(names::add);
        names.remove("__metadata__");
        return names;
    }

    /**
     * @param name tensor name
     * @return whether the file has it
     */
    public boolean has(String name) {
        return header.has(name);
    }

    /**
     * @param name tensor name
     * @return its shape
     */
    public long[] shape(String name) {
        JsonNode sizes = entry(name).path("shape");
        long[] out = new long[sizes.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = sizes.get(i).asLong();
        }
        return out;
    }

    /**
     * @param name tensor name
     * @return {@code F32}, {@code I64} or {@code U8}
     */
    public String dtype(String name) {
        return entry(name).path("dtype").asText();
    }

    /**
     * @param name tensor name
     * @return its elements, row-major; integers are converted
     */
    public float[] floats(String name) {
        ByteBuffer bytes = bytesOf(name);
        return switch (dtype(name)) {
            case "F32" -> {
                float[] out = new float[bytes.remaining() / Float.BYTES];
                bytes.asFloatBuffer().get(out);
                yield out;
            }
            default -> {
                long[] whole = longs(name);
                float[] out = new float[whole.length];
                for (int i = 0; i < out.length; i++) {
                    out[i] = whole[i];
                }
                yield out;
            }
        };
    }

    /**
     * @param name name of an integer tensor
     * @return its elements, row-major
     */
    public long[] longs(String name) {
        ByteBuffer bytes = bytesOf(name);
        switch (dtype(name)) {
            case "I64" -> {
                long[] out = new long[bytes.remaining() / Long.BYTES];
                bytes.asLongBuffer().get(out);
                return out;
            }
            case "U8" -> {
                long[] out = new long[bytes.remaining()];
                for (int i = 0; i < out.length; i++) {
                    out[i] = bytes.get(i) & 0xFF;
                }
                return out;
            }
            default ->
                    throw new IllegalArgumentException(
                            name + " in " + file + " is " + dtype(name) + ", not an integer type");
        }
    }

    private ByteBuffer bytesOf(String name) {
        JsonNode offsets = entry(name).path("data_offsets");
        int from = Math.toIntExact(offsets.get(0).asLong());
        int to = Math.toIntExact(offsets.get(1).asLong());
        return data.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN);
    }

    private JsonNode entry(String name) {
        if (!has(name)) {
            throw new NoSuchElementException(file + " has no tensor " + name);
        }
        return header.path(name);
    }
}
