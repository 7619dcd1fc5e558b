package org.diffusionsoup.image;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.zip.InflaterInputStream;

/**
 * The parts of a PNG file that decide about its pixels. The JDK's reader drops the transparent
 * colour of some kinds and stumbles over text and profiles, so it is given the picture alone.
 *
 * @param picture a PNG file of the picture alone
 * @param depth bits per sample
 * @param colourType 0 grey, 2 RGB, 3 indexed, 4 grey and alpha, 6 RGB and alpha
 * @param transparent the {@code tRNS} chunk of a grey or RGB picture; empty if there is none
 * @param orientation from {@code eXIf}, ImageMagick's text chunk or XMP
 */
record PngParts(byte[] picture, int depth, int colourType, byte[] transparent, int orientation) {
    static final String SIGNATURE = "\u0089PNG\r\n\u001a\n";

    /** Longest text that is unpacked in search of EXIF. */
    private static final int MOST_TEXT = 1 << 20;

    private static final String RAW_EXIF = "Raw profile type exif";
    private static final String XMP = "XML:com.adobe.xmp";

    static PngParts of(byte[] file) throws IOException {
        ByteArrayOutputStream picture = new ByteArrayOutputStream(file.length);
        picture.write(file, 0, 8);
        ByteBuffer in = ByteBuffer.wrap(file);
        int depth = 8;
        int colourType = 2;
        byte[] transparent = new byte[0];
        int exif = Orientation.UPRIGHT;
        int text = Orientation.UPRIGHT;
        boolean pixels = false;
        int at = 8;
        while (at + 12 <= file.length) {
            int length = in.getInt(at);
            String type = new String(file, at + 4, 4, StandardCharsets.ISO_8859_1);
            pixels |= type.equals("IDAT");
            if (length < 0 || length > file.length - at - 12) {
                if (!pixels || type.equals("IDAT")) {
                    throw new EOFException("it ends before its last pixel");
                }
                break; // in what comes after the pixels
            }
            byte[] data = Arrays.copyOfRange(file, at + 8, at + 8 + length);
            boolean kept = type.matches("IHDR|PLTE|IDAT|IEND");
            switch (type) {
                case "IHDR" -> {
                    if (length >= 13) {
                        depth = data[8];
                        colourType = data[9];
                    }
                }
                case "tRNS" -> {
                    kept = colourType == 3;
                    transparent = kept ? transparent : data;
                }
                case "eXIf" -> exif = Orientation.ofExif(data);
                case "tEXt", "zTXt", "iTXt" -> {
                    int found = inText(type, data);
                    text = found == Orientation.UPRIGHT ? text : found;
                }
                default -> {}
            }
            if (kept) {
                picture.write(file, at, length + 12);
            }
            at += length + 12;
            if (type.equals("IEND")) {
                break;
            }
        }
        if (!pixels) {
            throw new EOFException("it ends before its first pixel");
        }
        return new PngParts(
                picture.toByteArray(),
                depth,
                colourType,
                transparent,
                exif == Orientation.UPRIGHT ? text : exif);
    }

    /** One of the three colours that tRNS names, or grey, in the samples' own depth. */
    int transparentSample(int band) {
        return ByteBuffer.wrap(transparent).getShort(2 * band) & 0xffff & (1 << depth) - 1;
    }

    boolean hasTransparentColour() {
        return transparent.length >= (colourType == 2 ? 6 : 2)
                && (colourType == 0 || colourType == 2);
    }

    private static int inText(String type, byte[] data) {
        String all = new String(data, StandardCharsets.ISO_8859_1);
        int end = all.indexOf('\0');
        String key = end < 0 ? "" : all.substring(0, end);
        if (key.equalsIgnoreCase(XMP) && type.equals("iTXt")) {
            return Orientation.ofXmp(all);
        }
        if (!key.equalsIgnoreCase(RAW_EXIF) || type.equals("iTXt")) {
            return Orientation.UPRIGHT;
        }
        String text = type.equals("tEXt") ? all.substring(end + 1) : inflated(data, end + 2);
        // ImageMagick's form: an empty line, the profile's name, its length, then hex digits.
        String[] lines = text.split("\n", 4);
        String hex =
                lines.length < 4 ? "" : lines[3].replaceAll("\\s", "").toLowerCase(Locale.ROOT);
        return hex.length() % 2 == 0 && hex.matches("[0-9a-f]+")
                ? Orientation.ofExif(HexFormat.of().parseHex(hex))
                : Orientation.UPRIGHT;
    }

    private static String inflated(byte[] data, int from) {
        if (from > data.length) {
            return "";
        }
        try (var in =
                new InflaterInputStream(
                        new java.io.ByteArrayInputStream(data, from, data.length - from))) {
            return new String(in.readNBytes(MOST_TEXT), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
