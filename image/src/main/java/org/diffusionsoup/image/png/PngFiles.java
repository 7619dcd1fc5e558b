package org.diffusionsoup.image.png;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.InflaterInputStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/** PNG files with text chunks. */
public final class PngFiles {
    private static final long SIGNATURE = 0x89504E470D0A1A0AL;
    private static final int MOST_TEXT = 1 << 20;

    private PngFiles() {}

    /**
     * Writes a picture with its settings; the file appears whole or not at all.
     *
     * @throws SoupIoException if it cannot be written
     */
    public static void write(Path file, RgbImage image, PictureMetadata metadata) {
        write(file, image, metadata.toText());
    }

    /**
     * Writes a picture with texts (iTXt chunks, UTF-8).
     *
     * @param text keyword (1 to 79 Latin-1 characters) to value
     * @throws SoupIoException if it cannot be written
     */
    public static void write(Path file, RgbImage image, Map<String, String> text) {
        AtomicFiles.write(file, PngCodec.encode(image, text));
    }

    /**
     * The text chunks of a PNG file: tEXt, zTXt and iTXt, in their order.
     *
     * @throws SoupException if the file is no PNG or is cut off
     * @throws SoupIoException if it cannot be read
     */
    public static Map<String, String> readText(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        Map<String, String> text = new LinkedHashMap<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            if (in.readLong() != SIGNATURE) {
                throw new SoupException("The file %s is not a PNG picture.".formatted(file));
            }
            String type = "";
            while (!type.equals("IEND")) {
                int length = in.readInt();
                type = new String(in.readNBytes(4), StandardCharsets.ISO_8859_1);
                if (length < 0 || length > in.available()) {
                    throw new EOFException();
                }
                byte[] data = in.readNBytes(length);
                in.readInt();
                switch (type) {
                    case "tEXt" -> latin(data, false, text);
                    case "zTXt" -> latin(data, true, text);
                    case "iTXt" -> international(data, text);
                    default -> {
                        // Pixels and what belongs to them.
                    }
                }
            }
            return text;
        } catch (IOException | IndexOutOfBoundsException e) {
            throw new SoupException(
                    "The picture %s is cut off or damaged: save it again.".formatted(file), e);
        }
    }

    private static void latin(byte[] data, boolean packed, Map<String, String> text)
            throws IOException {
        int end = zero(data, 0);
        String key = new String(data, 0, end, StandardCharsets.ISO_8859_1);
        int from = end + (packed ? 2 : 1);
        byte[] value = rest(data, from, packed);
        text.put(key, new String(value, StandardCharsets.ISO_8859_1));
    }

    private static void international(byte[] data, Map<String, String> text) throws IOException {
        int end = zero(data, 0);
        String key = new String(data, 0, end, StandardCharsets.ISO_8859_1);
        boolean packed = data[end + 1] != 0;
        int language = zero(data, end + 3);
        int translated = zero(data, language + 1);
        text.put(key, new String(rest(data, translated + 1, packed), StandardCharsets.UTF_8));
    }

    private static byte[] rest(byte[] data, int from, boolean packed) throws IOException {
        var in = new ByteArrayInputStream(data, from, data.length - from);
        if (!packed) {
            return in.readAllBytes();
        }
        try (InflaterInputStream inflated = new InflaterInputStream(in)) {
            byte[] value = inflated.readNBytes(MOST_TEXT + 1);
            if (value.length > MOST_TEXT) {
                throw new IOException("a text chunk unpacks to more than a mebibyte");
            }
            return value;
        }
    }

    private static int zero(byte[] data, int from) {
        int at = from;
        while (data[at] != 0) {
            at++;
        }
        return at;
    }
}
