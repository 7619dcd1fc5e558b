package org.diffusionsoup.image;

import java.awt.Transparency;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.WritableRaster;
import java.io.IOException;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageReader;
import javax.imageio.plugins.tiff.BaselineTIFFTagSet;
import javax.imageio.plugins.tiff.TIFFDirectory;
import javax.imageio.plugins.tiff.TIFFField;
import org.diffusionsoup.core.SoupException;
import org.jspecify.annotations.Nullable;

/** What a TIFF's samples are, where the JDK's reader takes them for others than PIL. */
final class TiffSamples {
    /** CIELab, ICCLab and ITULab. */
    private static final Set<Integer> LAB = Set.of(8, 9, 10);

    private static final int UNSIGNED = 1;

    private TiffSamples() {}

    /**
     * Whatever format the reader is of: samples beyond the colours that are no alpha are left out,
     * and a palette's colours are the upper 8 of their 16 bits, as PIL cuts them and does not
     * round.
     */
    static BufferedImage read(ImageReader reader) throws IOException {
        BufferedImage image = reader.read(0);
        TIFFField map = field(reader, BaselineTIFFTagSet.TAG_COLOR_MAP);
        if (map != null && image.getColorModel() instanceof IndexColorModel model) {
            return new BufferedImage(upperHalves(map, model), image.getRaster(), false, null);
        }
        TIFFField extra = field(reader, BaselineTIFFTagSet.TAG_EXTRA_SAMPLES);
        return extra != null && extra.getAsInt(0) == BaselineTIFFTagSet.EXTRA_SAMPLES_UNSPECIFIED
                ? colours(image)
                : image;
    }

    /** The map has all reds, then all greens, then all blues. */
    private static IndexColorModel upperHalves(TIFFField map, IndexColorModel model) {
        int size = Math.min(model.getMapSize(), map.getCount() / 3);
        int step = map.getCount() / 3;
        byte[][] colours = new byte[3][size];
        for (int c = 0; c < 3; c++) {
            for (int i = 0; i < size; i++) {
                colours[c][i] = (byte) (map.getAsInt(c * step + i) >> 8);
            }
        }
        return new IndexColorModel(model.getPixelSize(), size, colours[0], colours[1], colours[2]);
    }

    private static BufferedImage colours(BufferedImage image) {
        ColorModel model = image.getColorModel();
        int bands = model.getNumColorComponents();
        WritableRaster raster = image.getRaster();
        if (!model.hasAlpha() || raster.getNumBands() <= bands) {
            return image;
        }
        ColorModel opaque =
                new ComponentColorModel(
                        model.getColorSpace(),
                        false,
                        false,
                        Transparency.OPAQUE,
                        raster.getTransferType());
        WritableRaster own =
                raster.createWritableChild(
                        0,
                        0,
                        image.getWidth(),
                        image.getHeight(),
                        0,
                        0,
                        IntStream.range(0, bands).toArray());
        return new BufferedImage(opaque, own, false, null);
    }

    /** Refuses a TIFF whose samples are other numbers than what the reader makes of them. */
    static void refuseForeign(ImageReader reader, String what) throws IOException {
        TIFFField colours = field(reader, BaselineTIFFTagSet.TAG_PHOTOMETRIC_INTERPRETATION);
        if (colours != null && LAB.contains(colours.getAsInt(0))) {
            throw new SoupException(
                    what + " is a TIFF in CIELab colours, which are not read; save it in RGB");
        }
        TIFFField format = field(reader, BaselineTIFFTagSet.TAG_SAMPLE_FORMAT);
        if (format != null && format.getAsInt(0) != UNSIGNED) {
            throw new SoupException(
                    what
                            + " is a TIFF of signed or floating-point numbers, which are not read;"
                            + " save it with 8 bits a colour");
        }
    }

    private static @Nullable TIFFField field(ImageReader reader, int tag) throws IOException {
        return reader.getFormatName().toLowerCase(Locale.ROOT).startsWith("tif")
                ? TIFFDirectory.createFromMetadata(reader.getImageMetadata(0)).getTIFFField(tag)
                : null;
    }
}
