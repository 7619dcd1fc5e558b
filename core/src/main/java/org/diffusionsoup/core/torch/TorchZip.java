package org.diffusionsoup.core.torch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.MalformedCheckpointException;

/**
 * The directory of a zip archive whose entries lie in the file as they are: where each entry's
 * bytes begin, and how many they are. Stricter than archivers are: nothing may be compressed,
 * encrypted, hidden, overlapping, or told differently in two places (zip and zip64 as PKWARE's
 * APPNOTE describes them). Nor may there be anything that PyTorch's own reader (miniz) would take
 * otherwise: it looks for the last mark of a directory's end, in a comment too, and finds entries
 * by name whatever their case, below the folder of the first one. Checksums are not compared:
 * {@code torch.save} can be told not to write them.
 */
final class TorchZip {
    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int END64 = 0x06064b50;
    private static final int LOCATOR64 = 0x07064b50;
    private static final int MAX_ENTRIES = 200_000;
    private static final long MAX_DIRECTORY = 64L << 20;
    private static final long MAX32 = 0xffffffffL;

    /**
     * Flags that say nothing about the bytes of a stored entry: sizes that follow it, names in
     * UTF-8, and how hard a compressor would have tried. What reads PyTorch's files refuses some of
     * the others and does not know the rest.
     */
    private static final int HARMLESS_FLAGS = 0x080e;

    private final Path file;
    private final FileChannel channel;
    private final long size;

    private TorchZip(Path file, FileChannel channel, long size) {
        this.file = file;
        this.channel = channel;
        this.size = size;
    }

    /**
     * One stored file.
     *
     * @param name its path in the archive
     * @param header where its local header begins
     * @param data first byte of its content, counted from the start of the archive
     * @param size of its content in bytes
     */
    record Entry(String name, long header, long data, long size) {}

    /** Where the directory lies: {@code end} is where it must stop. */
    private record Directory(long offset, long length, long entries, long end) {}

    /**
     * Reads and checks the directory.
     *
     * @return the entries by name
     * @throws MalformedCheckpointException if the archive is broken or uses what is refused
     */
    static Map<String, Entry> read(Path file, FileChannel channel, long size) throws IOException {
        return new TorchZip(file, channel, size).entries();
    }

    private Map<String, Entry> entries() throws IOException {
        Directory d = directory();
        String where = "end of the zip directory";
        if (d.entries < 0 || d.entries > MAX_ENTRIES) {
            throw bad(where, "at most " + MAX_ENTRIES + " entries", text(d.entries));
        }
        if (d.length < 0
                || d.length > MAX_DIRECTORY
                || d.offset < 0
                || d.offset > d.end
                || d.end - d.offset != d.length
                || d.length < 46 * d.entries) {
            throw bad(
                    where,
                    "a directory of " + d.entries + " entries that ends at offset " + d.end,
                    text(d.length) + " bytes at " + text(d.offset));
        }
        ByteBuffer b = bytes(d.offset, (int) d.length);
        List<Entry> found = new ArrayList<>();
        for (long i = 0; i < d.entries; i++) {
            found.add(entry(b, d));
        }
        checkFolder(found);
        if (b.hasRemaining()) {
            throw bad(where, "nothing after its last entry", b.remaining() + " more bytes");
        }
        return checkLayout(found, d.offset);
    }

    /** PyTorch looks for everything below the folder of the first entry. */
    private void checkFolder(List<Entry> inOrder) {
        Set<String> folders = new LinkedHashSet<>();
        for (Entry e : inOrder) {
            folders.add(e.name.substring(0, e.name.indexOf('/') + 1));
        }
        if (folders.size() > 1) {
            throw bad("zip directory", "entries in one folder", "entries in " + folders);
        }
    }

    private Map<String, Entry> checkLayout(List<Entry> found, long directory) {
        found.sort(Comparator.comparingLong(Entry::header));
        Map<String, Entry> byName = HashMap.newHashMap(found.size());
        Set<String> lowerCase = HashSet.newHashSet(found.size());
        long free = 0;
        for (Entry e : found) {
            if (e.header < free) {
                throw bad(
                        entry(e.name),
                        "bytes of its own from offset " + free,
                        "overlap at " + e.header);
            }
            free = e.data + e.size;
            if (byName.put(e.name, e) != null) {
                throw bad(entry(e.name), "one entry of that name", "several");
            }
            if (!lowerCase.add(e.name.toLowerCase(Locale.ROOT))) {
                throw bad(
                        entry(e.name),
                        "names that differ in more than upper and lower case",
                        "two, of which PyTorch takes either for the other");
            }
        }
        if (free > directory) {
            throw bad("zip directory", "it after all entries", "entries that reach into it");
        }
        return byName;
    }

    private Directory directory() throws IOException {
        if (size < 22) {
            throw bad("end of file", "the end of a zip archive", "none (truncated file?)");
        }
        long end = size - 22;
        ByteBuffer tail = bytes(end, 22);
        if (tail.getInt(0) != END || u2(tail, 20) != 0) {
            throw bad(
                    "end of file",
                    "the end of a zip archive without a comment, as PyTorch writes it",
                    "other bytes (truncated file?)");
        }
        int disks = u2(tail, 4) | u2(tail, 6);
        long here = u2(tail, 8);
        long total = u2(tail, 10);
        long length = u4(tail, 12);
        long offset = u4(tail, 16);
        if (end >= 20) {
            ByteBuffer locator = bytes(end - 20, 20);
            if (locator.getInt(0) == LOCATOR64) {
                return directory64(locator, end - 20, total, length, offset);
            }
        }
        if (disks != 0 || here != total) {
            throw bad("end of the zip directory", "one disk", "an archive over several");
        }
        return new Directory(offset, length, total, end);
    }

    private Directory directory64(
            ByteBuffer locator, long locatorAt, long total32, long length32, long offset32)
            throws IOException {
        String where = "end of the zip64 directory";
        long at = locator.getLong(8);
        if (at < 0 || locatorAt < 56 || at != locatorAt - 56) {
            throw bad(where, "it at offset " + (locatorAt - 56), "offset " + text(at));
        }
        ByteBuffer b = bytes(at, 56);
        if (b.getInt(0) != END64 || b.getLong(4) != 44) {
            throw bad(where, "a record of 56 bytes", "other bytes");
        }
        long total = b.getLong(32);
        if (b.getInt(16) != 0 || b.getInt(20) != 0 || b.getLong(24) != total) {
            throw bad(where, "one disk", "an archive over several");
        }
        long length = b.getLong(40);
        long offset = b.getLong(48);
        same(where, total32, 0xffff, total);
        same(where, length32, MAX32, length);
        same(where, offset32, MAX32, offset);
        return new Directory(offset, length, total, at);
    }

    /** A number told in 32 (or 16) bits must be the one told in 64, or be marked as too large. */
    private void same(String where, long narrow, long saturated, long wide) {
        if (narrow != saturated && narrow != wide) {
            throw bad(where, "the same number in zip and zip64", narrow + " and " + text(wide));
        }
    }

    private Entry entry(ByteBuffer b, Directory d) throws IOException {
        int at = b.position();
        if (b.remaining() < 46 || b.getInt(at) != CENTRAL) {
            throw bad("zip directory, offset " + (d.offset + at), "an entry", "other bytes");
        }
        int flags = u2(b, at + 8);
        int method = u2(b, at + 10);
        long stored = u4(b, at + 20);
        long plain = u4(b, at + 24);
        int nameLength = u2(b, at + 28);
        int extraLength = u2(b, at + 30);
        int commentLength = u2(b, at + 32);
        long header = u4(b, at + 42);
        if (b.remaining() < 46 + nameLength + extraLength + commentLength) {
            throw bad("zip directory, offset " + (d.offset + at), "an entry", "half an entry");
        }
        ByteBuffer rawName = b.slice(at + 46, nameLength);
        String name = name(rawName);
        ByteBuffer extra =
                b.slice(at + 46 + nameLength, extraLength).order(ByteOrder.LITTLE_ENDIAN);
        b.position(at + 46 + nameLength + extraLength + commentLength);
        ByteBuffer wide = zip64(name, extra);
        plain = widen(name, plain, wide);
        stored = widen(name, stored, wide);
        header = widen(name, header, wide);
        if ((flags & ~HARMLESS_FLAGS) != 0) {
            boolean encrypted = (flags & 0x2041) != 0;
            throw bad(
                    entry(name),
                    "plain bytes",
                    encrypted ? "encrypted ones" : "flags " + Integer.toHexString(flags));
        }
        if (method != 0) {
            String how = method == 8 ? "deflated" : "compressed (method " + method + ")";
            throw bad(
                    entry(name),
                    "stored bytes, as torch.save writes them",
                    how
                            + " ones, as archivers write them; unpack the archive and pack its"
                            + " folder again with 'zip -0 -r'");
        }
        if (stored != plain || stored < 0 || stored > d.offset) {
            throw bad(
                    entry(name),
                    "one size within the file",
                    text(stored) + " bytes stored, " + text(plain) + " plain");
        }
        return local(name, rawName, header, stored, d.offset);
    }

    /** Checks that the header before the data tells what the directory tells. */
    private Entry local(String name, ByteBuffer rawName, long header, long length, long directory)
            throws IOException {
        long room = 30L + rawName.remaining();
        if (header < 0 || header > directory - room) {
            throw bad(entry(name), "it before the directory", "offset " + text(header));
        }
        ByteBuffer b = bytes(header, (int) room);
        if (b.getInt(0) != LOCAL
                || u2(b, 8) != 0
                || (u2(b, 6) & ~HARMLESS_FLAGS) != 0
                || u2(b, 26) != rawName.remaining()
                || !b.slice(30, rawName.remaining()).equals(rawName)) {
            throw bad(
                    entry(name),
                    "a header at offset " + header + " that repeats the directory",
                    "another one");
        }
        boolean sizesFollow = (u2(b, 6) & 8) != 0;
        if (!sizesFollow) {
            same(entry(name), u4(b, 18), MAX32, length);
            same(entry(name), u4(b, 22), MAX32, length);
        }
        long data = header + room + u2(b, 28);
        if (data > directory || length > directory - data) {
            throw bad(
                    entry(name),
                    length + " bytes before the directory",
                    (directory - data) + " bytes");
        }
        return new Entry(name, header, data, length);
    }

    /** The zip64 values of an entry, those of them that it needs, in order. */
    private ByteBuffer zip64(String name, ByteBuffer extra) {
        while (extra.remaining() >= 4) {
            int id = extra.getShort() & 0xffff;
            int length = extra.getShort() & 0xffff;
            if (length > extra.remaining()) {
                throw bad(entry(name), "whole extra fields", "a cut one");
            }
            if (id == 1) {
                return extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            }
            extra.position(extra.position() + length);
        }
        return ByteBuffer.allocate(0);
    }

    private long widen(String name, long narrow, ByteBuffer wide) {
        if (narrow != MAX32) {
            return narrow;
        }
        if (wide.remaining() < 8) {
            throw bad(entry(name), "its size and place in a zip64 field", "none");
        }
        return wide.getLong();
    }

    private String name(ByteBuffer raw) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(raw.duplicate()).toString();
        } catch (CharacterCodingException e) {
            throw bad("zip directory", "names in UTF-8", "other bytes");
        }
    }

    private ByteBuffer bytes(long position, int length) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            if (channel.read(b, position + b.position()) < 0) {
                throw bad("offset " + position, length + " bytes", "the end of the file");
            }
        }
        return b.flip();
    }

    private static int u2(ByteBuffer b, int at) {
        return b.getShort(at) & 0xffff;
    }

    private static long u4(ByteBuffer b, int at) {
        return Integer.toUnsignedLong(b.getInt(at));
    }

    private static String text(long unsigned) {
        return Long.toUnsignedString(unsigned);
    }

    private static String entry(String name) {
        return "zip entry '" + name + "'";
    }

    private MalformedCheckpointException bad(String where, String expected, String actual) {
        return new MalformedCheckpointException(file, where, expected, actual);
    }
}
