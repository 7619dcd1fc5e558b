package org.diffusionsoup.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.diffusionsoup.core.SoupException;

/**
 * Decodes picture files to the pixels that PIL gives after {@code ImageOps.exif_transpose} and
 * {@code Image.alpha_composite} on white: samples as they are stored, without colour management;
 * those of 16 bits keep their upper 8.
 */
public final class PictureDecoder {
    /** 134 million; a camera of 100 megapixels stays below. */
    public static final long MOST_PIXELS = 1L << 27;

    /** What JPEG can state, and more than any picture to learn from needs. */
    static final int MOST_SIDE = 65_535;

    private static final String CUT = " is cut off; copy the picture again";

    /** How the JDK's readers and the libraries in them call it. */
    private static final Pattern CUT_OFF =
            Pattern.compile("truncated|premature end|unexpected end", Pattern.CASE_INSENSITIVE);

    private static final String USE = "use PNG, JPEG, GIF, BMP or TIFF";

    private PictureDecoder() {}

    /** What becomes of transparency. */
    private enum Alpha {
        ON_WHITE,
        DROPPED
    }

    private interface Decoding<T> {
        T decode(byte[] file, String what) throws IOException;
    }

    static RgbImage decode(byte[] file, String what) {
        return decode(file, what, (f, w) -> decodeChecked(f, w, Alpha.ON_WHITE));
    }

    /** The colours alone, whatever is transparent, as PIL's {@code convert("RGB")} has them. */
    static RgbImage decodeColours(byte[] file, String what) {
        return decode(file, what, (f, w) -> decodeChecked(f, w, Alpha.DROPPED));
    }

    /** Width and height of the upright picture, from the file's header. */
    static PictureSize size(byte[] file, String what) {
        return decode(file, what, PictureDecoder::sizeChecked);
    }

    /** The picture as it lies in the file, transparency kept. */
    static BufferedImage decodeArgb(byte[] file, String what) {
        return decode(file, what, PictureDecoder::read);
    }

    private static <T> T decode(byte[] file, String what, Decoding<T> decoding) {
        try {
            return decoding.decode(file, what);
        } catch (OutOfMemoryError e) {
            throw tooLarge(what, e);
        } catch (IOException | RuntimeException e) {
            if (e instanceof SoupException known) {
                throw known;
            }
            if (ofMemory(e)) {
                throw tooLarge(what, e);
            }
            if (isCutOff(e)) {
                throw new SoupException(what + CUT, e);
            }
            throw new SoupException(
                    "%s cannot be decoded (%s); save it again as PNG".formatted(what, reason(e)),
                    e);
        }
    }

    /** Readers of ImageIO wrap what they meet, errors too. */
    static boolean ofMemory(Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof OutOfMemoryError) {
                return true;
            }
        }
        return false;
    }

    private static SoupException tooLarge(String what, Throwable cause) {
        return new SoupException(
                what + " needs more memory to decode than there is; make it smaller", cause);
    }

    private static boolean isCutOff(Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String message = String.valueOf(cause.getMessage());
            if (cause instanceof EOFException || CUT_OFF.matcher(message).find()) {
                return true;
            }
        }
        return false;
    }

    private static String reason(Exception e) {
        String message = e.getMessage();
        String line = message == null ? e.getClass().getSimpleName() : message.strip();
        int end = line.indexOf('\n');
        line = end < 0 ? line : line.substring(0, end);
        return line.length() > 200 ? line.substring(0, 200) : line;
    }

    private static PictureSize sizeChecked(byte[] file, String what) throws IOException {
        refuseForeign(file, what);
        byte[] picture = file;
        int orientation = Orientation.UPRIGHT;
        if (Orientation.startsWith(file, 0, PngParts.SIGNATURE)) {
            PngParts png = PngParts.of(file);
            picture = png.picture();
            orientation = png.orientation();
        } else if (Orientation.startsWith(file, 0, "\u00ff\u00d8")) {
            JpegParts jpeg = JpegParts.of(file);
            picture = jpeg.picture();
            orientation = jpeg.orientation();
        } else if (isTiff(file)) {
            orientation = Orientation.ofExif(file);
        }
        PictureSize stored = withReader(picture, what, GifCanvas::size);
        return Orientation.swapsSides(orientation)
                ? new PictureSize(stored.height(), stored.width())
                : stored;
    }

    private static RgbImage decodeChecked(byte[] file, String what, Alpha alpha)
            throws IOException {
        refuseForeign(file, what);
        if (Orientation.startsWith(file, 0, PngParts.SIGNATURE)) {
            PngParts png = PngParts.of(file);
            BufferedImage image = read(png.picture(), what);
            return Orientation.upright(rgb(image, png, alpha), png.orientation());
        }
        if (Orientation.startsWith(file, 0, "\u00ff\u00d8")) {
            JpegParts jpeg = JpegParts.of(file);
            return Orientation.upright(jpeg(jpeg, what), jpeg.orientation());
        }
        return Orientation.upright(
                rgb(read(file, what), alpha),
                isTiff(file) ? Orientation.ofExif(file) : Orientation.UPRIGHT);
    }

    private static void refuseForeign(byte[] file, String what) {
        if (file.length == 0) {
            throw new SoupException(what + " is an empty file; copy the picture again");
        }
        String foreign = foreign(file);
        if (!foreign.isEmpty()) {
            throw new SoupException(
                    "%s is a picture in %s, which is not read; %s".formatted(what, foreign, USE));
        }
    }

    private static boolean isTiff(byte[] file) {
        return Orientation.startsWith(file, 0, "II*\0") || Orientation.startsWith(file, 0, "MM\0*");
    }

    /** Kinds that people bring and the JDK cannot read, known by their first bytes. */
    private static String foreign(byte[] file) {
        if (Orientation.startsWith(file, 0, "RIFF") && Orientation.startsWith(file, 8, "WEBP")) {
            return "WebP";
        }
        if (Orientation.startsWith(file, 4, "ftyp")) {
            return Orientation.startsWith(file, 8, "avi") ? "AVIF" : "HEIF (HEIC, AVIF)";
        }
        if (Orientation.startsWith(file, 0, "\u00ff\n")
                || Orientation.startsWith(file, 4, "JXL ")) {
            return "JPEG XL";
        }
        if (Orientation.startsWith(file, 4, "jP  ")) {
            return "JPEG 2000";
        }
        return Orientation.startsWith(file, 0, "<svg") || Orientation.startsWith(file, 0, "<?xml")
                ? "SVG"
                : "";
    }

    private static BufferedImage read(byte[] file, String what) throws IOException {
        return withReader(file, what, reader -> GifCanvas.filled(reader, TiffSamples.read(reader)));
    }

    private interface Reading<T> {
        T of(ImageReader reader) throws IOException;
    }

    private static <T> T withReader(byte[] file, String what, Reading<T> reading)
            throws IOException {
        // Not ImageIO's own choice, a cache in files: that needs a hook at the end of the program,
        // which can no longer be had once Ctrl-C has begun to end it.
        try (ImageInputStream in =
                new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
            if (!readers.hasNext()) {
                throw new SoupException(what + " is not a picture that can be read; " + USE);
            }
            ImageReader reader = readers.next();
            try {
                reader.setInput(in, false, false);
                PictureSize size = GifCanvas.size(reader);
                checkSize(size.width(), size.height(), what);
                TiffSamples.refuseForeign(reader, what);
                List<String> warnings = new ArrayList<>();
                reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
                T read = reading.of(reader);
                if (warnings.stream().anyMatch(w -> CUT_OFF.matcher(w).find())) {
                    throw new SoupException(what + CUT);
                }
                return read;
            } finally {
                reader.dispose();
            }
        }
    }

    /** Before a byte of memory is taken for the pixels. */
    private static void checkSize(int width, int height, String what) {
        if (width > MOST_SIDE || height > MOST_SIDE || (long) width * height > MOST_PIXELS) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%s has %d x %d pixels; pictures of at most %,d pixels, none of their sides"
                                    + " over %,d, are read: make it smaller",
                            what,
                            width,
                            height,
                            MOST_PIXELS,
                            MOST_SIDE));
        }
    }

    private static RgbImage jpeg(JpegParts jpeg, String what) throws IOException {
        if (jpeg.components() != 4) {
            return rgb(read(jpeg.picture(), what), Alpha.ON_WHITE);
        }
        Raster raster = withReader(jpeg.picture(), what, reader -> reader.readRaster(0, null));
        byte[] out = new byte[Math.multiplyExact(3, raster.getWidth() * raster.getHeight())];
        int[] row = new int[4 * raster.getWidth()];
        int at = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, raster.getWidth(), 1, row);
            for (int i = 0; i < row.length; i += 4) {
                if (jpeg.adobe() == 2) {
                    yccToCmy(row, i);
                }
                for (int c = 0; c < 4; c++) {
                    // Adobe's programs store inks inverted; PIL takes every file for one of theirs.
                    row[i + c] = 255 - row[i + c];
                }
                cmykToRgb(row, i, out, at);
                at += 3;
            }
        }
        return new RgbImage(raster.getWidth(), raster.getHeight(), out);
    }

    /** libjpeg's ycck_cmyk_convert, 16 bits of fraction. */
    private static void yccToCmy(int[] row, int i) {
        int y = row[i];
        int cb = row[i + 1] - 128;
        int cr = row[i + 2] - 128;
        row[i] = Math.clamp(255L - (y + (91881 * cr + 32768 >> 16)), 0, 255);
        row[i + 1] = Math.clamp(255L - (y + (-22554 * cb - 46802 * cr + 32768 >> 16)), 0, 255);
        row[i + 2] = Math.clamp(255L - (y + (116130 * cb + 32768 >> 16)), 0, 255);
    }

    /** PIL's cmyk2rgb: (255 - K) - ink (255 - K) / 255, rounded. */
    private static void cmykToRgb(int[] row, int i, byte[] out, int at) {
        int light = 255 - row[i + 3];
        for (int c = 0; c < 3; c++) {
            int product = row[i + c] * light + 128;
            out[at + c] = (byte) Math.clamp(light - ((product >> 8) + product >> 8), 0, 255);
        }
    }

    /** A PNG of grey or RGB samples, whose transparent colour is compared in their own depth. */
    private static RgbImage rgb(BufferedImage image, PngParts png, Alpha alpha) {
        if (png.colourType() != 0 && !png.hasTransparentColour()) {
            return rgb(image, alpha);
        }
        int bands = png.colourType() == 0 ? 1 : 3;
        int[] clear = new int[bands];
        for (int b = 0; b < bands && png.hasTransparentColour(); b++) {
            clear[b] = png.transparentSample(b);
        }
        int most = (1 << png.depth()) - 1;
        return fromRows(
                image.getRaster(),
                alpha,
                (row, x, argb) -> {
                    boolean opaque = !png.hasTransparentColour();
                    for (int b = 0; b < bands; b++) {
                        int sample = row[bands * x + b];
                        opaque |= sample != clear[b];
                        argb[1 + b] = most > 255 ? sample >> 8 : sample * 255 / most;
                    }
                    if (bands == 1) {
                        argb[2] = argb[1];
                        argb[3] = argb[1];
                    }
                    argb[0] = opaque ? 255 : 0;
                });
    }

    /** Flattens any AWT image onto white. */
    static RgbImage onWhite(BufferedImage image) {
        return rgb(image, Alpha.ON_WHITE);
    }

    private static RgbImage rgb(BufferedImage image, Alpha alpha) {
        Raster raster = image.getRaster();
        if (image.getColorModel() instanceof IndexColorModel colours) {
            int[] table = new int[1 << 16];
            colours.getRGBs(table);
            return fromRows(raster, alpha, (row, x, argb) -> unpack(table[row[x]], argb));
        }
        int bands = raster.getNumBands();
        int type = image.getColorModel().getColorSpace().getType();
        if (bands == 4 && type == ColorSpace.TYPE_CMYK) {
            byte[] rgb = new byte[3];
            return fromRows(
                    raster,
                    alpha,
                    (row, x, argb) -> {
                        cmykToRgb(row, 4 * x, rgb, 0);
                        argb[0] = 255;
                        for (int c = 0; c < 3; c++) {
                            argb[1 + c] = rgb[c] & 0xff;
                        }
                    });
        }
        boolean known =
                (bands <= 2 && type == ColorSpace.TYPE_GRAY
                                || bands >= 3 && bands <= 4 && type == ColorSpace.TYPE_RGB)
                        && !image.isAlphaPremultiplied()
                        && image.getColorModel().getTransferType() <= 1;
        if (!known) {
            int[] line = new int[image.getWidth()];
            return fromRows(
                    image.getWidth(),
                    image.getHeight(),
                    y -> image.getRGB(0, y, line.length, 1, line, 0, line.length),
                    alpha,
                    (row, x, argb) -> unpack(row[x], argb));
        }
        int[] shift = new int[bands];
        int[] most = new int[bands];
        for (int b = 0; b < bands; b++) {
            int size = raster.getSampleModel().getSampleSize(b);
            shift[b] = Math.max(0, size - 8);
            most[b] = size >= 8 ? 255 : (1 << size) - 1;
        }
        boolean hasAlpha = bands == 2 || bands == 4;
        return fromRows(
                raster,
                alpha,
                (row, x, argb) -> {
                    for (int c = 0; c < 3; c++) {
                        int band = bands <= 2 ? 0 : c;
                        argb[1 + c] = (row[bands * x + band] >> shift[band]) * 255 / most[band];
                    }
                    int last = bands - 1;
                    argb[0] =
                            hasAlpha
                                    ? (row[bands * x + last] >> shift[last]) * 255 / most[last]
                                    : 255;
                });
    }

    private interface Rows {
        int[] row(int y);
    }

    private interface Unpacking {
        void unpack(int[] row, int x, int[] argb);
    }

    private static RgbImage fromRows(Raster raster, Alpha alpha, Unpacking unpacking) {
        int width = raster.getWidth();
        int[] row = new int[Math.multiplyExact(width, raster.getNumBands())];
        return fromRows(
                width,
                raster.getHeight(),
                y -> raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row),
                alpha,
                unpacking);
    }

    private static RgbImage fromRows(
            int width, int height, Rows rows, Alpha alpha, Unpacking unpacking) {
        byte[] out = new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))];
        int[] argb = new int[4];
        int at = 0;
        for (int y = 0; y < height; y++) {
            int[] row = rows.row(y);
            for (int x = 0; x < width; x++) {
                unpacking.unpack(row, x, argb);
                for (int c = 1; c <= 3; c++) {
                    out[at++] =
                            (byte) (alpha == Alpha.DROPPED ? argb[c] : overWhite(argb[c], argb[0]));
                }
            }
        }
        return new RgbImage(width, height, out);
    }

    private static void unpack(int packed, int[] argb) {
        for (int i = 0; i < 4; i++) {
            argb[i] = packed >>> 24 - 8 * i & 0xff;
        }
    }

    /** PIL's ImagingAlphaComposite over opaque white: 7 bits of fraction, division rounded. */
    private static int overWhite(int sample, int alpha) {
        int blend = 128 * (sample * alpha + 255 * (255 - alpha)) + (128 << 7);
        return (blend >> 8) + blend >> 8 >> 7;
    }
}
