package org.diffusionsoup.workbench.generate;

import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.workbench.FreeMemory;
import org.diffusionsoup.workbench.UNetMaps;

/**
 * How much memory drawing takes beyond the weights, estimated from the shapes of the layers before
 * anything is drawn: in float32 the maps that one denoising step holds at once, or decoding the
 * batch's pictures, whichever is more, and beside them what the largest layer makes of weights that
 * are held in half as many bytes. Resident memory beyond loading was measured with the embedded
 * base (guided, 317 MiB for a picture of 512 pixels, 1,124 MiB for one of 1,024, 1,514 MiB for 256
 * of 64), of a step of Stable Diffusion 2.1 (0.73 GB for 512 pixels, 1.4 GB for 768) and of its
 * decoder (0.87 GB for 512 pixels, 1.8 GB for 768).
 */
final class DrawingCost {
    private static final long FLOAT = 4;

    /** What convolutions and attention need beside their results, from the measurements above. */
    private static final double STEP_WORKSPACE = 2.2;

    private static final double DECODING_WORKSPACE = 1.3;

    private static final long MAPS_OF_RESNET = 3;

    private final UNetConfig unet;
    private final VaeConfig vae;
    private final int divisor;
    private final long widened;

    /**
     * @param divisor of sizes that suit the model
     * @param widened bytes of the largest float32 copy that a layer makes of its weights, 0 where
     *     they are held in float32
     */
    DrawingCost(UNetConfig unet, VaeConfig vae, int divisor, long widened) {
        this.unet = unet;
        this.vae = vae;
        this.divisor = divisor;
        this.widened = widened;
    }

    /** Side of a square as large as a picture: all maps grow with the area. */
    private static double side(PictureSize size) {
        return Math.sqrt((double) size.width() * size.height());
    }

    /** Bytes for a batch of square pictures; a double, as absurd sizes go beyond a long. */
    double bytes(double size, double batch, boolean guided) {
        return widened + maps(size, batch, guided);
    }

    private double maps(double size, double batch, boolean guided) {
        double step =
                STEP_WORKSPACE * (guided ? 2 : 1) * UNetMaps.drawn(unet, size / vae.downFactor());
        return FLOAT * batch * Math.max(step, DECODING_WORKSPACE * decoding(size));
    }

    /**
     * Values of decoding one picture: what the first ResNet block of a level takes in, normalised
     * and activated, of the level that has most.
     */
    private double decoding(double size) {
        double most = 0;
        List<Integer> channels = vae.blockOutChannels();
        for (int level = 0; level < channels.size(); level++) {
            double pixels = size * size / (1L << (2 * level));
            int in = channels.get(Math.min(level + 1, channels.size() - 1));
            most = Math.max(most, pixels * MAPS_OF_RESNET * in);
        }
        return most;
    }

    /**
     * Refuses what does not fit into the memory that is free.
     *
     * @throws SoupException saying what would fit
     */
    void check(PictureSize size, int batch, boolean guided) {
        double free = FreeMemory.bytes();
        double side = side(size);
        double need = bytes(side, batch, guided);
        if (need <= free) {
            return;
        }
        String fits;
        if (bytes(side, 1, guided) <= free) {
            int most = Integer.highestOneBit((int) ((free - widened) / maps(side, 1, guided)));
            fits = "`batch` " + most + " would fit";
        } else {
            OptionalInt largest = largest(free, guided);
            fits =
                    largest.isPresent()
                            ? "`size` " + largest.getAsInt() + " `batch` 1 would fit"
                            : "nothing this model draws would fit";
        }
        throw new SoupException(
                String.format(
                        Locale.ROOT,
                        "Drawing %s of %,d×%,d at once takes about %s of memory, and %s are free; %s.",
                        batch == 1
                                ? "a picture"
                                : String.format(Locale.ROOT, "%,d pictures", batch),
                        size.width(),
                        size.height(),
                        FreeMemory.text(need),
                        FreeMemory.text(free),
                        fits));
    }

    private OptionalInt largest(double free, boolean guided) {
        double room = Math.max(0, free - widened);
        int side = (int) Math.sqrt(room / maps(1, 1, guided)) / divisor * divisor;
        return side > 0 ? OptionalInt.of(side) : OptionalInt.empty();
    }

    /**
     * Refuses pictures that are too many to be kept together until they are written.
     *
     * @throws SoupException saying how many would fit
     */
    static void checkKept(long pictures, PictureSize size) {
        double each = 3.0 * size.width() * size.height();
        double room = Runtime.getRuntime().maxMemory() * 0.4; // a sheet holds them once more
        if (pictures * each > room) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %,d×%,d take %s until they are written, and there is room for %,d; draw fewer prompts or seeds at once.",
                            pictures,
                            size.width(),
                            size.height(),
                            FreeMemory.text(pictures * each),
                            (long) (room / each)));
        }
    }
}
