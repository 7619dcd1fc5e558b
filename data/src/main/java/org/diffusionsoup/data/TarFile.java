package org.diffusionsoup.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/** Lists the regular files of a ustar, pax or GNU tar without reading their contents. */
public final class TarFile {
    /** Bytes of a block; headers take one, contents are padded to it. */
    public static final int BLOCK = 512;

    /**
     * A file inside the tar.
     *
     * @param name its whole path
     * @param offset of its first byte
     * @param size in bytes
     */
    public record Entry(String name, long offset, long size) {}

    private TarFile() {}

    /** Told of an entry; the open file may be read anywhere. */
    @FunctionalInterface
    public interface Visitor {
        /** Called once per file. */
        void visit(RandomAccessFile file, Entry entry) throws IOException;
    }

    static List<Entry> list(Path path) {
        List<Entry> entries = new ArrayList<>();
        forEach(path, (file, entry) -> entries.add(entry));
        return entries;
    }

    /**
     * Visits the entries in the file's order, none of them kept in memory.
     *
     * @throws SoupException if the file is missing, cut off or no tar
     */
    public static void forEach(Path path, Visitor visitor) {
        if (!Files.isRegularFile(path)) {
            throw new SoupException("shard " + path + " does not exist; give the path of a .tar");
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            long length = file.length();
            long at = 0;
            String longName = "";
            byte[] header = new byte[BLOCK];
            boolean ended = false;
            while (at + BLOCK <= length) {
                file.seek(at);
                file.readFully(header);
                if (allZero(header)) {
                    ended = true;
                    break;
                }
                checkSum(path, at, header);
                long size = size(path, at, header);
                long data = at + BLOCK;
                if (size > length - data) {
                    throw new SoupException(
                            "shard %s is cut off: the entry at byte %d needs %d bytes, %d are left"
                                    .formatted(path, at, size, length - data));
                }
                char type = (char) header[156];
                if (type == 'L' || type == 'x') {
                    longName = extendedName(file, path, data, size, type, longName);
                } else if (type == '0' || type == 0) {
                    visitor.visit(
                            file,
                            new Entry(longName.isEmpty() ? name(header) : longName, data, size));
                    longName = "";
                } else if (type != '5' && type != 'g') {
                    throw new SoupException(
                            "shard %s holds an entry of type '%s' at byte %d; only files are read"
                                    .formatted(path, type, at));
                }
                at = data + (size + BLOCK - 1) / BLOCK * BLOCK;
            }
            if (!ended) {
                throw new SoupException(
                        "shard " + path + " is cut off: it has no end mark at byte " + at);
            }
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /**
     * The bytes of an entry.
     *
     * @throws SoupException if the file ends within it
     */
    public static byte[] read(RandomAccessFile file, Path path, Entry entry) throws IOException {
        if (entry.size() > Integer.MAX_VALUE - 16) {
            throw new SoupException(
                    "shard %s: entry %s is too large to be one picture or caption (%d bytes)"
                            .formatted(path, entry.name(), entry.size()));
        }
        byte[] bytes = new byte[(int) entry.size()];
        file.seek(entry.offset());
        try {
            file.readFully(bytes);
        } catch (EOFException e) {
            throw new SoupException("shard " + path + " is cut off in " + entry.name(), e);
        }
        return bytes;
    }

    private static String extendedName(
            RandomAccessFile file, Path path, long data, long size, char type, String before)
            throws IOException {
        if (size > 1 << 20) {
            throw new SoupException("shard " + path + " has a file name over 1 MiB");
        }
        byte[] bytes = read(file, path, new Entry("(long name)", data, size));
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (type == 'L') {
            int end = text.indexOf('\0');
            return end < 0 ? text : text.substring(0, end);
        }
        for (String line : text.split("\n")) {
            int start = line.indexOf(" path=");
            if (start > 0) {
                return line.substring(start + 6);
            }
        }
        return before;
    }

    private static String name(byte[] header) {
        String name = string(header, 0, 100);
        String prefix = string(header, 257, 5).equals("ustar") ? string(header, 345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private static long size(Path path, long at, byte[] header) {
        if ((header[124] & 0x80) != 0) {
            long size = header[124] & 0x7f;
            for (int i = 125; i < 136; i++) {
                if (size > Long.MAX_VALUE >> 8) {
                    throw new SoupException("shard " + path + " has a bad size at byte " + at);
                }
                size = size << 8 | header[i] & 0xff;
            }
            return size;
        }
        return octal(path, at, string(header, 124, 12));
    }

    private static void checkSum(Path path, long at, byte[] header) {
        long sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            sum += i >= 148 && i < 156 ? ' ' : header[i] & 0xff;
        }
        if (sum != octal(path, at, string(header, 148, 8))) {
            throw new SoupException(
                    "shard %s is not a tar or is damaged: wrong header checksum at byte %d"
                            .formatted(path, at));
        }
    }

    private static long octal(Path path, long at, String digits) {
        try {
            return digits.isBlank() ? 0 : Long.parseLong(digits.strip(), 8);
        } catch (NumberFormatException e) {
            throw new SoupException(
                    "shard %s is not a tar or is damaged: bad number in the header at byte %d"
                            .formatted(path, at),
                    e);
        }
    }

    private static String string(byte[] header, int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) {
            end++;
        }
        return new String(header, from, end - from, StandardCharsets.UTF_8);
    }

    private static boolean allZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }
}
