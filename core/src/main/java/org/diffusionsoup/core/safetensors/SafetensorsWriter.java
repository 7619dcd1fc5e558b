package org.diffusionsoup.core.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FileContent;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;

/**
 * Writes safetensors files: tensors in name order (by UTF-8 bytes), metadata in key order, header
 * padded with spaces to 8 bytes, so the same content always gives the same bytes.
 */
public final class SafetensorsWriter {
    private static final JsonFactory JSON = new JsonFactory();

    private SafetensorsWriter() {}

    /**
     * Writes a file beside its target and renames it into place; after a failure the target is as
     * it was before and nothing else is left.
     *
     * @param target the file to make or replace; missing parent folders are made
     * @param metadata the header's {@code __metadata__}; left out if empty
     * @param tensors any order; names must be unique
     * @throws SoupException if a name is unusable or a tensor delivers a wrong number of bytes
     * @throws SoupIoException if writing fails
     */
    public static void write(Path target, Map<String, String> metadata, List<TensorEntry> tensors) {
        write(target, new StateDict(metadata, tensors));
    }

    /** The same of a part, whose header may be known last. */
    public static void write(Path target, StateDict part) {
        AtomicFiles.write(target, content(target, part));
    }

    /** As {@link #write}, where there must be no file, see {@link AtomicFiles#writeNew}. */
    public static void writeNew(Path target, StateDict part) {
        AtomicFiles.writeNew(target, content(target, part));
    }

    private static AtomicFiles.IoConsumer<FileChannel> content(Path target, StateDict part) {
        List<TensorInfo> sorted = sorted(part.tensors());
        byte[] header = header(target, part.metadata(), sorted);
        return channel -> {
            writeFully(channel, ByteBuffer.wrap(header));
            part.streamer().write(target, placed(sorted, header.length), channel);
            if (part.last().isPresent()) {
                byte[] known = header(target, part.last().get().get(), sorted);
                if (known.length != header.length) {
                    throw new SoupException(
                            "Cannot write " + target + ": its header changed its size.");
                }
                channel.position(0);
                writeFully(channel, ByteBuffer.wrap(known));
            }
        };
    }

    /** Tensors one behind another, from a position in a file on. */
    private static List<TensorInfo> placed(List<TensorInfo> tensors, long from) {
        List<TensorInfo> placed = new ArrayList<>();
        long position = from;
        for (TensorInfo t : tensors) {
            placed.add(t.at(position));
            position += t.byteSize();
        }
        return placed;
    }

    /** Orders strings as their UTF-8 bytes, so as other languages sort by code point. */
    public static final Comparator<String> BY_UTF8 =
            (a, b) ->
                    Arrays.compareUnsigned(
                            a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));

    /** Tensors in the order of a file. */
    public static List<TensorInfo> sorted(List<TensorInfo> tensors) {
        record Keyed(byte[] utf8, TensorInfo tensor) {}
        return tensors.stream()
                .map(t -> new Keyed(t.name().getBytes(StandardCharsets.UTF_8), t))
                .sorted((a, b) -> Arrays.compareUnsigned(a.utf8, b.utf8))
                .map(Keyed::tensor)
                .toList();
    }

    /** The text of a {@code *.safetensors.index.json}. */
    public static String index(long totalBytes, SortedMap<String, String> fileOfTensor) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = JSON.createGenerator(text).useDefaultPrettyPrinter()) {
            g.writeStartObject();
            g.writeObjectFieldStart("metadata");
            g.writeNumberField("total_size", totalBytes);
            g.writeEndObject();
            g.writeObjectFieldStart("weight_map");
            for (var e : fileOfTensor.entrySet()) {
                g.writeStringField(e.getKey(), e.getValue());
            }
            g.writeEndObject();
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write the index of shards.", e);
        }
        return text + "\n";
    }

    /** The bytes in front of the tensors'. */
    public static byte[] header(
            Path target, Map<String, String> metadata, List<TensorInfo> sorted) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[8]);
        try (JsonGenerator g = JSON.createGenerator(out)) {
            g.writeStartObject();
            if (!metadata.isEmpty()) {
                g.writeObjectFieldStart(SafetensorsHeader.METADATA);
                for (var e : new TreeMap<>(metadata).entrySet()) {
                    g.writeStringField(checked(target, e.getKey()), checked(target, e.getValue()));
                }
                g.writeEndObject();
            }
            long offset = 0;
            Set<String> names = new HashSet<>();
            for (TensorInfo t : sorted) {
                if (t.name().equals(SafetensorsHeader.METADATA) || !names.add(t.name())) {
                    throw new SoupException(
                            "Cannot write "
                                    + target
                                    + ": bad or twice given tensor name '"
                                    + t.name()
                                    + "'.");
                }
                g.writeObjectFieldStart(checked(target, t.name()));
                g.writeStringField("dtype", t.dtype().safetensorsName());
                long[] shape = t.shape();
                g.writeFieldName("shape");
                g.writeArray(shape, 0, shape.length);
                long end = Math.addExact(offset, t.byteSize());
                g.writeFieldName("data_offsets");
                g.writeArray(new long[] {offset, end}, 0, 2);
                g.writeEndObject();
                offset = end;
            }
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupIoException("write the header of", target, e);
        }
        while (out.size() % 8 != 0) {
            out.write(' ');
        }
        byte[] bytes = out.toByteArray();
        if (bytes.length - 8L > FileContent.MAX_HEADER) {
            throw new SoupException(
                    "Cannot write " + target + ": its header would be larger than 100 MB.");
        }
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, bytes.length - 8L);
        return bytes;
    }

    private static String checked(Path target, String text) {
        // an unpaired surrogate becomes a question mark
        if (!new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)
                .equals(text)) {
            throw new SoupException(
                    "Cannot write " + target + ": a name or value in its header is not Unicode.");
        }
        return text;
    }

    static void writeFully(WritableByteChannel channel, ByteBuffer b) throws IOException {
        while (b.hasRemaining()) {
            channel.write(b);
        }
    }
}
