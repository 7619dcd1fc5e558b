package org.diffusionsoup.core.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Crc32c;

/**
 * CRC-32C of a safetensors file whose tensors several threads read or write in pieces of any size
 * and order: no thread waits for another, and no byte is read for the checksum alone but the header
 * and what nobody has seen. It is the checksum that any other tool computes of the whole file.
 */
public final class FileChecksum {
    private static final int BUFFER = 1 << 18;

    /** Bytes next to each other. */
    private record Run(long length, int crc) {}

    private final Map<String, NavigableMap<Long, Run>> runs = new HashMap<>();

    /**
     * Takes a piece of a tensor; the same bytes may come again in the same piece.
     *
     * @param from its first byte in the tensor
     */
    public void add(String tensor, long from, MemorySegment piece) {
        CRC32C crc = new CRC32C();
        crc.update(piece.asByteBuffer());
        put(tensor, from, new Run(piece.byteSize(), (int) crc.getValue()));
    }

    /** Runs that touch become one, so that there are never many more than threads. */
    private synchronized void put(String tensor, long from, Run run) {
        NavigableMap<Long, Run> known = runs.computeIfAbsent(tensor, t -> new TreeMap<>());
        long at = from;
        Run all = run;
        var before = known.floorEntry(from);
        var behind = known.higherEntry(from);
        if (before != null && before.getKey() + before.getValue().length() > from
                || behind != null && from + run.length() > behind.getKey()) {
            return; // seen already; the rest of it is read again at the end
        }
        if (before != null && before.getKey() + before.getValue().length() == from) {
            at = before.getKey();
            all = join(before.getValue(), run);
        }
        Run after = known.remove(from + run.length());
        known.put(at, after == null ? all : join(all, after));
    }

    private static Run join(Run a, Run b) {
        return new Run(a.length() + b.length(), Crc32c.join(a.crc(), b.crc(), b.length()));
    }

    /**
     * The checksum of a file whose pieces were taken, in eight hexadecimal digits; what was not
     * taken is read.
     *
     * @throws SoupException if it is no safetensors file
     * @throws SoupIoException if it cannot be read
     */
    public synchronized String of(Path file) {
        TreeMap<Long, Run> places = new TreeMap<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (var tensor : runs.entrySet()) {
                long offset = f.tensor(tensor.getKey()).offset();
                tensor.getValue().forEach((from, run) -> places.put(offset + from, run));
            }
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            Run all = new Run(0, 0);
            for (var place : places.entrySet()) {
                all = join(all, read(channel, all.length(), place.getKey()));
                all = join(all, place.getValue());
            }
            all = join(all, read(channel, all.length(), channel.size()));
            return HexFormat.of().toHexDigits(all.crc());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static Run read(FileChannel channel, long from, long to) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer buffer =
                ByteBuffer.allocateDirect((int) Math.min(BUFFER, Math.max(0, to - from)));
        for (long at = from; at < to; ) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), to - at));
            int n = channel.read(buffer, at);
            if (n < 0) {
                throw new IOException("the file has become shorter");
            }
            crc.update(buffer.flip());
            at += n;
        }
        return new Run(Math.max(0, to - from), (int) crc.getValue());
    }

    /** The checksum of a file of any kind. */
    public static String ofWhole(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return HexFormat.of().toHexDigits(read(channel, 0, channel.size()).crc());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** The checksum of these bytes. */
    public static String ofBytes(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }
}
