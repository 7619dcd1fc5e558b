package org.diffusionsoup.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.image.Orientation;

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

    /** Longest name, or set of pax records, that is read. */
    private static final int MOST_NAME = 1 << 20;

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
            throw new SoupException(
                    "shard %s %s; give the path of a .tar"
                            .formatted(path, Files.exists(path) ? "is no file" : "does not exist"));
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            long length = file.length();
            refuseCompressed(path, file, length);
            long at = 0;
            Extended extended = Extended.NONE;
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
                char type = (char) (header[156] & 0xff);
                boolean describes = "LKxg".indexOf(type) >= 0;
                long size =
                        !describes && extended.size() >= 0
                                ? extended.size()
                                : size(path, at, header);
                long data = at + BLOCK;
                if (size > length - data) {
                    throw new SoupException(
                            "shard %s is cut off: the entry at byte %d needs %d bytes, %d are left"
                                    .formatted(path, at, size, length - data));
                }
                if (type == 'L' || type == 'x') {
                    extended = extended(file, path, at, size, type, extended);
                } else if (!describes) {
                    String name = extended.name().isEmpty() ? name(header) : extended.name();
                    boolean folder = type == '5' || name.endsWith("/");
                    if (!folder && type != '0' && type != 0 && type != '7') {
                        throw new SoupException(
                                "shard %s holds %s at byte %d (%s); only files are read"
                                        .formatted(path, kind(type), at, name));
                    }
                    if (!folder) {
                        visitor.visit(file, new Entry(name, data, size));
                    }
                    extended = Extended.NONE;
                }
                at = data + (size + BLOCK - 1) / BLOCK * BLOCK;
            }
            if (ended) {
                refuseRest(path, file, at, length);
            } else {
                throw new SoupException(
                        "shard " + path + " is cut off: it has no end mark at byte " + at);
            }
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /** Nothing but zeros may follow the end mark: what {@code cat} put there would be lost. */
    private static void refuseRest(Path path, RandomAccessFile file, long from, long length)
            throws IOException {
        byte[] block = new byte[1 << 16];
        file.seek(from);
        for (long at = from; at < length; ) {
            int n = file.read(block, 0, (int) Math.min(block.length, length - at));
            if (n < 0) {
                return;
            }
            for (int i = 0; i < n; i++) {
                if (block[i] != 0) {
                    throw new SoupException(
                            "shard %s goes on at byte %d, after its end mark, as tars do that were put one after the other; unpack both and make one tar of them"
                                    .formatted(path, at + i));
                }
            }
            at += n;
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

    /**
     * What stands before an entry about it.
     *
     * @param name empty if the entry's own header says it
     * @param size -1 if the entry's own header says it
     */
    private record Extended(String name, long size) {
        static final Extended NONE = new Extended("", -1);
    }

    private static Extended extended(
            RandomAccessFile file, Path path, long at, long size, char type, Extended before)
            throws IOException {
        if (size > MOST_NAME) {
            throw new SoupException(
                    "shard %s has a file name of %d bytes at byte %d; at most %d are read"
                            .formatted(path, size, at, MOST_NAME));
        }
        byte[] bytes = read(file, path, new Entry("(long name)", at + BLOCK, size));
        if (type == 'L') {
            return new Extended(string(bytes, 0, bytes.length), before.size());
        }
        Extended found = before;
        // Records of the form "LENGTH key=value\n", where LENGTH counts the whole record.
        for (int from = 0; from < bytes.length && bytes[from] != 0; ) {
            int space = from;
            int length = 0;
            while (space < bytes.length && bytes[space] >= '0' && bytes[space] <= '9') {
                length = Math.min(length * 10 + bytes[space++] - '0', MOST_NAME + 1);
            }
            int end = from + length;
            if (space == from || end > bytes.length || end <= space || bytes[space] != ' ') {
                throw new SoupException(
                        "shard %s is damaged: bad pax record in the entry at byte %d"
                                .formatted(path, at));
            }
            String record = new String(bytes, space + 1, end - space - 1, StandardCharsets.UTF_8);
            record = record.endsWith("\n") ? record.substring(0, record.length() - 1) : record;
            if (record.startsWith("path=")) {
                found = new Extended(record.substring(5), found.size());
            } else if (record.startsWith("size=")) {
                found = new Extended(found.name(), decimal(path, at, record.substring(5)));
            } else if (record.startsWith("GNU.sparse.")) {
                throw new SoupException(
                        "shard %s holds a sparse file at byte %d; write it with plain files"
                                .formatted(path, at));
            }
            from = end;
        }
        return found;
    }

    private static long decimal(Path path, long at, String digits) {
        if (!digits.matches("[0-9]{1,18}")) {
            throw new SoupException("shard " + path + " has a bad size at byte " + at);
        }
        return Long.parseLong(digits);
    }

    private static String kind(char type) {
        return switch (type) {
            case '1', '2' -> "a link";
            case '3', '4', '6' -> "a device or pipe";
            case 'S' -> "a sparse file";
            default ->
                    "an entry of type "
                            + (type > ' ' && type < 127 ? "'" + type + "'" : (int) type);
        };
    }

    private static void refuseCompressed(Path path, RandomAccessFile file, long length)
            throws IOException {
        byte[] start = new byte[(int) Math.min(6, length)];
        file.readFully(start);
        for (var known :
                Map.of(
                                "\u001f\u008b", "gunzip",
                                "BZh", "bunzip2",
                                "\u00fd7zXZ", "unxz",
                                "(\u00b5/\u00fd", "unzstd",
                                "PK\3\4", "unzip")
                        .entrySet()) {
            if (Orientation.startsWith(start, 0, known.getKey())) {
                throw new SoupException(
                        "shard %s is compressed, and pictures are read from their places in a plain"
                                        .formatted(path)
                                + " tar; unpack it first with "
                                + known.getValue());
            }
        }
    }

    private static String name(byte[] header) {
        String name = string(header, 0, 100);
        String prefix = string(header, 257, 5).equals("ustar") ? string(header, 345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private static long size(Path path, long at, byte[] header) {
        if ((header[124] & 0x80) != 0) {
            // GNU's base 256: a first byte of 0x80, then a big-endian number; 0xff is a negative
            // one.
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
        String plain = digits.strip();
        if (!plain.matches("[0-7]{0,12}")) {
            throw new SoupException(
                    "shard %s is not a tar or is damaged: bad number in the header at byte %d"
                            .formatted(path, at));
        }
        return plain.isEmpty() ? 0 : Long.parseLong(plain, 8);
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
