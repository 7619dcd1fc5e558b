package org.diffusionsoup.image;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;

/** Decodes picture files by the JDK's readers, keeping samples as they are stored. */
final class PictureReader {
    private static final long PNG_SIGNATURE = 0x89504E470D0A1A0AL;

    /** Where a PNG file states its bit depth and, next to it, its colour type. */
    private static final int PNG_BIT_DEPTH = 24;

    private PictureReader() {}

    static Picture read(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new ImageException(
                    "The picture " + file + " cannot be read: give an existing file.", e);
        }
        try {
            BufferedImage image =
                    ImageIO.read(new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes)));
            if (image == null) {
                throw new ImageException(
                        "The file " + file + " is no PNG, JPEG, GIF or BMP picture: convert it.");
            }
            return convert(image, mode(image, bytes));
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new ImageException(
                    "The picture "
                            + file
                            + " is damaged or of an unsupported kind ("
                            + e.getMessage()
                            + "): save it again as PNG or RGB JPEG.",
                    e);
        }
    }

    private static Picture.Mode mode(BufferedImage image, byte[] file) {
        if (file.length > PNG_BIT_DEPTH + 1 && isPng(file)) {
            // The JDK turns a PNG's transparent colour into an alpha channel and grey of few bits
            // into a palette; the file itself knows better.
            int depth = file[PNG_BIT_DEPTH];
            return switch (file[PNG_BIT_DEPTH + 1]) {
                case 0 -> depth == 1 ? Picture.Mode.BILEVEL : Picture.Mode.L;
                case 2 -> Picture.Mode.RGB;
                case 3 -> Picture.Mode.P;
                case 4 -> Picture.Mode.LA;
                default -> Picture.Mode.RGBA;
            };
        }
        if (image.getColorModel() instanceof IndexColorModel) {
            return Picture.Mode.P;
        }
        return switch (image.getRaster().getNumBands()) {
            case 1 -> Picture.Mode.L;
            case 2 -> Picture.Mode.LA;
            case 3 -> Picture.Mode.RGB;
            default -> Picture.Mode.RGBA;
        };
    }

    private static boolean isPng(byte[] file) {
        return ByteBuffer.wrap(file).getLong() == PNG_SIGNATURE;
    }

    private static Picture convert(BufferedImage image, Picture.Mode mode) {
        int width = image.getWidth();
        int height = image.getHeight();
        // Samples straight from the raster: getRGB would apply colour-space conversions to grey.
        Raster raster = image.getRaster();
        int bands = mode.bands();
        byte[] out = new byte[Math.multiplyExact(Math.multiplyExact(width, height), bands)];
        boolean looksUp =
                mode != Picture.Mode.P && image.getColorModel() instanceof IndexColorModel;
        int at = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int band = 0; band < bands; band++) {
                    int sample =
                            looksUp
                                    ? image.getRGB(x, y) >> (16 - 8 * band)
                                    : raster.getSample(x, y, band) >> shift(raster, band);
                    out[at++] = (byte) sample;
                }
            }
        }
        if (mode == Picture.Mode.P) {
            return Picture.indexed(
                    width, height, out, palette((IndexColorModel) image.getColorModel()));
        }
        return Picture.of(mode, width, height, out);
    }

    private static int shift(Raster raster, int band) {
        return Math.max(0, raster.getSampleModel().getSampleSize(band) - 8);
    }

    private static byte[] palette(IndexColorModel colours) {
        byte[] out = new byte[colours.getMapSize() * 3];
        for (int i = 0; i < colours.getMapSize(); i++) {
            out[3 * i] = (byte) colours.getRed(i);
            out[3 * i + 1] = (byte) colours.getGreen(i);
            out[3 * i + 2] = (byte) colours.getBlue(i);
        }
        return out;
    }
}
