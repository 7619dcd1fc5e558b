package org.diffusionsoup.core.torch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Pickles by hand, opcode by opcode, and the zip files around them. */
public final class TorchWriter {
    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
    private final Map<String, byte[]> storages = new LinkedHashMap<>();

    public TorchWriter() {
        raw(0x80, 2);
    }

    public TorchWriter raw(int... bytes) {
        for (int b : bytes) {
            pickle.write(b);
        }
        return this;
    }

    /** Opcodes that are letters, such as {@code "(}"}. */
    public TorchWriter op(String opcodes) {
        pickle.writeBytes(opcodes.getBytes(StandardCharsets.UTF_8));
        return this;
    }

    public TorchWriter text(String s) {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        op("X");
        pickle.writeBytes(le(4).putInt(bytes.length).array());
        pickle.writeBytes(bytes);
        return this;
    }

    public TorchWriter global(String module, String name) {
        return op("c" + module + "\n" + name + "\n");
    }

    /** Any integer, as LONG1 of eight bytes. */
    public TorchWriter number(long n) {
        raw(0x8a, 8);
        pickle.writeBytes(le(8).putLong(n).array());
        return this;
    }

    TorchWriter numbers(long... all) {
        op("(");
        for (long n : all) {
            number(n);
        }
        return op("t");
    }

    TorchWriter storageId(String type, String key, long elements) {
        op("(").text("storage").global("torch", type).text(key).text("cpu").number(elements);
        return op("tQ");
    }

    public TorchWriter storage(String key, byte[] bytes) {
        storages.put(key, bytes);
        return this;
    }

    /** An F32 view of a storage of which {@code elements} are claimed. */
    public TorchWriter tensor(
            String key, long elements, long offset, long[] shape, long[] strides) {
        global("torch._utils", "_rebuild_tensor_v2").op("(");
        storageId("FloatStorage", key, elements).number(offset).numbers(shape).numbers(strides);
        return raw(0x89).global("collections", "OrderedDict").op(")RtR");
    }

    /** The start of a dict with one F32 tensor "w" of two ones; {@code "u."} ends it. */
    public static TorchWriter withW() {
        return new TorchWriter()
                .op("}(")
                .text("w")
                .tensor("0", 2, 0, new long[] {2}, new long[] {1})
                .storage("0", floats(1, 1));
    }

    public static byte[] floats(float... values) {
        ByteBuffer b = le(4 * values.length);
        for (float v : values) {
            b.putFloat(v);
        }
        return b.array();
    }

    public byte[] pickle() {
        return pickle.toByteArray();
    }

    public Path save(Path file) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put("archive/data.pkl", pickle());
        storages.forEach((key, bytes) -> entries.put("archive/data/" + key, bytes));
        entries.put("archive/version", "3\n".getBytes(StandardCharsets.UTF_8));
        return zip(file, entries, ZipEntry.STORED);
    }

    public static Path zip(Path file, Map<String, byte[]> entries, int method) {
        try (OutputStream out = Files.newOutputStream(file)) {
            zip(out, entries, method);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    public static void zip(OutputStream to, Map<String, byte[]> entries, int method)
            throws IOException {
        try (ZipOutputStream out = new ZipOutputStream(to)) {
            for (var e : entries.entrySet()) {
                ZipEntry entry = new ZipEntry(e.getKey());
                entry.setMethod(method);
                entry.setSize(e.getValue().length);
                if (method == ZipEntry.STORED) {
                    entry.setCompressedSize(e.getValue().length);
                    CRC32 crc = new CRC32();
                    crc.update(e.getValue());
                    entry.setCrc(crc.getValue());
                }
                out.putNextEntry(entry);
                out.write(e.getValue());
                out.closeEntry();
            }
        }
    }

    private static ByteBuffer le(int n) {
        return ByteBuffer.allocate(n).order(ByteOrder.LITTLE_ENDIAN);
    }
}
