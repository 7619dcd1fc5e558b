package org.diffusionsoup.core.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupIoException;

/** What a path holds, told by a file's first bytes, not by its name. */
public enum FileContent {
    NOTHING("nothing"),
    DANGLING("a link that leads nowhere"),
    FOLDER("a folder"),
    DEVICE("a device or a pipe"),
    EMPTY("an empty file"),
    SAFETENSORS("a safetensors file"),
    PICKLE("a PyTorch file"),
    ZIP("a zip archive or PyTorch file"),
    PNG("a PNG picture"),
    JPEG("a JPEG picture"),
    PDF("a PDF document"),
    TAR("a tar archive"),
    GZIP("a gzip archive"),
    SCRIPT("a script"),
    PROGRAM("a program"),
    HTML("an HTML page"),
    SVG("an SVG drawing"),
    JSON("a JSON file"),
    TEXT("a text file"),
    OTHER("a file of another kind");

    /** Longest JSON header of a safetensors file, as its reference implementation has it. */
    public static final long MAX_HEADER = 100_000_000;

    private static final int HEAD = 512;
    private static final int TAR_MAGIC = 257;

    private final String words;

    FileContent(String words) {
        this.words = words;
    }

    /** Tells by reading at most 512 bytes. */
    public static FileContent of(Path path) {
        if (!Files.exists(path)) {
            return Files.exists(path, LinkOption.NOFOLLOW_LINKS) ? DANGLING : NOTHING;
        }
        if (Files.isDirectory(path)) {
            return FOLDER;
        }
        if (!Files.isRegularFile(path)) {
            return DEVICE;
        }
        try (InputStream in = Files.newInputStream(path)) {
            return of(in.readNBytes(HEAD));
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    private static FileContent of(byte[] head) {
        if (head.length == 0) {
            return EMPTY;
        }
        String text = new String(head, StandardCharsets.ISO_8859_1);
        if (head.length > 8 && head[8] == '{') {
            long header = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
            if (header > 1 && header <= MAX_HEADER) {
                return SAFETENSORS;
            }
        }
        if (text.startsWith("\u0089PNG\r\n")) {
            return PNG;
        }
        if (text.startsWith("\u00ff\u00d8\u00ff")) {
            return JPEG;
        }
        if (text.startsWith("PK\3\4") || text.startsWith("PK\5\6")) {
            return ZIP;
        }
        if (text.startsWith("%PDF-")) {
            return PDF;
        }
        if (text.startsWith("\u001f\u008b")) {
            return GZIP;
        }
        if (text.startsWith("\u007fELF")) {
            return PROGRAM;
        }
        if (text.startsWith("#!")) {
            return SCRIPT;
        }
        if (text.startsWith("ustar", TAR_MAGIC)) {
            return TAR;
        }
        if (head[0] == (byte) 0x80 && head.length > 1 && head[1] >= 2 && head[1] <= 5) {
            return PICKLE;
        }
        if (text.indexOf('\0') >= 0) {
            return OTHER;
        }
        String start = text.strip().toLowerCase(Locale.ROOT);
        if (start.startsWith("<!doctype html") || start.startsWith("<html")) {
            return HTML;
        }
        if (start.startsWith("<svg") || (start.startsWith("<?xml") && start.contains("<svg"))) {
            return SVG;
        }
        return start.startsWith("{") || start.startsWith("[") ? JSON : TEXT;
    }

    /** Whether there is an empty file or an empty folder. */
    public static boolean isEmpty(Path path) {
        FileContent content = of(path);
        if (content != FOLDER) {
            return content == EMPTY;
        }
        try (Stream<Path> all = Files.list(path)) {
            return all.findAny().isEmpty();
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /** In a few words with an article. */
    public static String describe(Path path) {
        return of(path).words;
    }
}
