package org.diffusionsoup.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import org.diffusionsoup.core.SoupException;

/**
 * Reads pictures of any format the JDK knows (PNG, JPEG, GIF, BMP, TIFF) and writes small PNG
 * files. The bytes written depend on the pixels and the JDK's zlib only.
 */
public final class PngCodec {
    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

    private static final int THOROUGH_BYTES = 3 * 128 * 128;

    private PngCodec() {}

    /**
     * Decodes a picture, turns it upright as its EXIF orientation says and flattens transparency
     * onto white: the pixels of PIL's {@code exif_transpose} and {@code alpha_composite}. Samples
     * of 16 bits keep their upper 8; colour profiles are not applied.
     *
     * @param bytes the whole file
     * @param what how to name the picture in an error, such as its file name
     * @throws SoupException if no decoder understands the bytes, or the picture has more than 2²⁷
     *     pixels or a side over 65,535
     */
    public static RgbImage decode(byte[] bytes, String what) {
        return PictureDecoder.decode(bytes, what);
    }

    /**
     * Decodes a picture as {@link #decode} does, but drops its alpha: what is transparent has the
     * colour it is stored with, as after PIL's {@code convert("RGB")} or {@code convert("L")}.
     *
     * @param bytes the whole file
     * @param what how to name the picture in an error, such as its file name
     * @throws SoupException as {@link #decode}
     */
    public static RgbImage decodeWithoutAlpha(byte[] bytes, String what) {
        return PictureDecoder.decodeWithoutAlpha(bytes, what);
    }

    /**
     * Decodes a picture and keeps its transparency.
     *
     * @param bytes the whole file
     * @param what how to name the picture in an error, such as its file name
     * @return a picture whose {@code getRGB} gives straight alpha
     * @throws SoupException if no decoder understands the bytes
     */
    public static BufferedImage read(byte[] bytes, String what) {
        return PictureDecoder.decodeArgb(bytes, what);
    }

    /** Encodes without loss as 8-bit PNG, indexed when at most 256 colours make that smaller. */
    public static byte[] encode(RgbImage image) {
        return encode(image, Map.of());
    }

    /**
     * Encodes without loss, with text chunks (PNG {@code iTXt}, uncompressed) before the picture.
     *
     * @param image the picture
     * @param text keyword (1 to 79 Latin-1 characters) to value, written in the map's order
     */
    public static byte[] encode(RgbImage image, Map<String, String> text) {
        byte[] best = trueColour(image);
        byte[] indexed = indexed(image);
        if (indexed.length > 0 && indexed.length < best.length) {
            best = indexed;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(best.length + 256);
        out.writeBytes(SIGNATURE);
        // Both encoders put IHDR first (25 bytes); text may stand anywhere after it.
        out.write(best, 0, 25);
        for (Map.Entry<String, String> entry : new LinkedHashMap<>(text).entrySet()) {
            ByteArrayOutputStream chunk = new ByteArrayOutputStream();
            chunk.writeBytes(entry.getKey().getBytes(StandardCharsets.ISO_8859_1));
            chunk.writeBytes(new byte[5]);
            chunk.writeBytes(entry.getValue().getBytes(StandardCharsets.UTF_8));
            chunk(out, "iTXt", chunk.toByteArray());
        }
        out.write(best, 25, best.length - 25);
        return out.toByteArray();
    }

    /**
     * Encodes without loss as 8-bit PNG with transparency.
     *
     * @param width pixels, at least 1
     * @param height pixels, at least 1
     * @param argb {@code height * width} pixels {@code 0xAARRGGBB} with straight alpha
     */
    public static byte[] encode(int width, int height, int[] argb) {
        byte[] raw = new byte[Math.multiplyExact(4, argb.length)];
        for (int i = 0; i < argb.length; i++) {
            raw[4 * i] = (byte) (argb[i] >> 16);
            raw[4 * i + 1] = (byte) (argb[i] >> 8);
            raw[4 * i + 2] = (byte) argb[i];
            raw[4 * i + 3] = (byte) (argb[i] >>> 24);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(SIGNATURE);
        out.writeBytes(trueColour(width, height, raw, 4));
        return out.toByteArray();
    }

    private static byte[] trueColour(RgbImage image) {
        return trueColour(image.width(), image.height(), image.pixels(), 3);
    }

    private static byte[] trueColour(int width, int height, byte[] pixels, int channels) {
        byte[] best = new byte[0];
        // Filter 5 stands for "per row, the filter whose output has the least absolute sum".
        // Trying them all pays for icons; for photographs it costs seconds and gains little.
        boolean small = pixels.length <= THOROUGH_BYTES;
        for (int filter = small ? 0 : 5; filter <= 5; filter++) {
            int level = small ? Deflater.BEST_COMPRESSION : Deflater.DEFAULT_COMPRESSION;
            byte[] packed =
                    deflate(filtered(pixels, channels * width, height, filter, channels), level);
            if (best.length == 0 || packed.length < best.length) {
                best = packed;
            }
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(best.length + 64);
        header(out, width, height, channels == 4 ? 6 : 2);
        chunk(out, "IDAT", best);
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    /** Empty when the picture has more than 256 colours. */
    private static byte[] indexed(RgbImage image) {
        Map<Integer, Integer> palette = new LinkedHashMap<>();
        byte[] pixels = image.pixels();
        byte[] indices = new byte[pixels.length / 3];
        for (int i = 0; i < indices.length; i++) {
            int rgb =
                    (pixels[3 * i] & 0xff) << 16
                            | (pixels[3 * i + 1] & 0xff) << 8
                            | pixels[3 * i + 2] & 0xff;
            int index = palette.computeIfAbsent(rgb, k -> palette.size());
            if (index > 255) {
                return new byte[0];
            }
            indices[i] = (byte) index;
        }
        ByteBuffer colours = ByteBuffer.allocate(3 * palette.size());
        palette.keySet()
                .forEach(
                        c -> colours.put((byte) (c >> 16)).put((byte) (c >> 8)).put(c.byteValue()));
        byte[] packed =
                deflate(
                        filtered(indices, image.width(), image.height(), 0, 1),
                        Deflater.BEST_COMPRESSION);
        ByteArrayOutputStream out = new ByteArrayOutputStream(packed.length + 1024);
        header(out, image.width(), image.height(), 3);
        chunk(out, "PLTE", colours.array());
        chunk(out, "IDAT", packed);
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private static void header(ByteArrayOutputStream out, int width, int height, int colourType) {
        ByteBuffer data = ByteBuffer.allocate(13);
        data.putInt(width).putInt(height);
        data.put((byte) 8).put((byte) colourType).put(new byte[3]);
        chunk(out, "IHDR", data.array());
    }

    private static byte[] filtered(byte[] raw, int stride, int height, int filter, int bpp) {
        byte[] out = new byte[height * (stride + 1)];
        byte[] row = new byte[stride];
        byte[] bestRow = new byte[stride];
        for (int y = 0; y < height; y++) {
            int chosen = filter;
            if (filter == 5) {
                long bestSum = Long.MAX_VALUE;
                for (int f = 0; f < 5; f++) {
                    filterRow(raw, stride, y, f, bpp, row);
                    long sum = 0;
                    for (byte b : row) {
                        sum += Math.abs(b);
                    }
                    if (sum < bestSum) {
                        bestSum = sum;
                        chosen = f;
                        System.arraycopy(row, 0, bestRow, 0, stride);
                    }
                }
            } else {
                filterRow(raw, stride, y, filter, bpp, bestRow);
            }
            out[y * (stride + 1)] = (byte) chosen;
            System.arraycopy(bestRow, 0, out, y * (stride + 1) + 1, stride);
        }
        return out;
    }

    /** The five filters of PNG, section 9.2: none, sub, up, average, Paeth. */
    private static void filterRow(
            byte[] raw, int stride, int y, int filter, int bpp, byte[] target) {
        for (int i = 0; i < stride; i++) {
            int left = i >= bpp ? raw[y * stride + i - bpp] & 0xff : 0;
            int up = y > 0 ? raw[(y - 1) * stride + i] & 0xff : 0;
            int corner = i >= bpp && y > 0 ? raw[(y - 1) * stride + i - bpp] & 0xff : 0;
            int predicted =
                    switch (filter) {
                        case 0 -> 0;
                        case 1 -> left;
                        case 2 -> up;
                        case 3 -> (left + up) / 2;
                        default -> paeth(left, up, corner);
                    };
            target[i] = (byte) (raw[y * stride + i] - predicted);
        }
    }

    private static int paeth(int left, int up, int corner) {
        int estimate = left + up - corner;
        int toLeft = Math.abs(estimate - left);
        int toUp = Math.abs(estimate - up);
        int toCorner = Math.abs(estimate - corner);
        if (toLeft <= toUp && toLeft <= toCorner) {
            return left;
        }
        return toUp <= toCorner ? up : corner;
    }

    private static byte[] deflate(byte[] data, int level) {
        try (Deflater deflater = new Deflater(level)) {
            deflater.setInput(data);
            deflater.finish();
            byte[] out = new byte[data.length + data.length / 8 + 128];
            int length = deflater.deflate(out);
            if (!deflater.finished()) {
                throw new SoupException("a picture could not be compressed into its buffer");
            }
            return Arrays.copyOf(out, length);
        }
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
        CRC32 crc = new CRC32();
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        crc.update(name);
        crc.update(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
        out.writeBytes(name);
        out.writeBytes(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }
}
