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
 * anything is drawn: in float32 all maps of one denoising step, or of decoding the batch's
 * pictures, whichever is more, since each of the two frees its maps at its end only. On the
 * embedded base 0.9 GiB were measured for one picture of 512 pixels, 3.7 GiB for one of 1,024 and
 * 4.2 GiB for 256 of 64 pixels.
 */
final class DrawingCost {
    private static final long FLOAT = 4;

    /** What convolutions need beside their results, from the measurements above. */
    private static final double WORKSPACE = 1.5;

    private static final long MAPS_OF_RESNET = 8;
    private static final long MAPS_OF_UPSAMPLING = 3;

    private final UNetConfig unet;
    private final VaeConfig vae;

    DrawingCost(UNetConfig unet, VaeConfig vae) {
        this.unet = unet;
        this.vae = vae;
    }

    /** Bytes for a batch of square pictures; a double, as absurd sizes go beyond a long. */
    double bytes(double size, double batch, boolean guided) {
        double step = (guided ? 2 : 1) * UNetMaps.values(unet, size / vae.downFactor());
        return FLOAT * WORKSPACE * batch * Math.max(step, decoding(size));
    }

    /** Values of decoding one picture. */
    private double decoding(double size) {
        double values = 0;
        List<Integer> channels = vae.blockOutChannels();
        for (int level = 0; level < channels.size(); level++) {
            double pixels = size * size / (1L << (2 * level));
            long maps = MAPS_OF_RESNET * (vae.layersPerBlock() + 1);
            values += pixels * channels.get(level) * maps;
            if (level + 1 < channels.size()) {
                values += pixels * channels.get(level + 1) * MAPS_OF_UPSAMPLING;
            } else {
                values += pixels * channels.get(level) * 2 * MAPS_OF_RESNET; // the middle
            }
        }
        return values;
    }

    /**
     * Refuses what does not fit into the memory that is free.
     *
     * @param divisor of sizes that suit the model
     * @throws SoupException saying what would fit
     */
    void check(int size, int batch, boolean guided, int divisor) {
        double free = FreeMemory.bytes();
        double need = bytes(size, batch, guided);
        if (need <= free) {
            return;
        }
        String fits;
        if (bytes(size, 1, guided) <= free) {
            int most = Integer.highestOneBit((int) (free / bytes(size, 1, guided)));
            fits = "`batch` " + most + " would fit";
        } else {
            OptionalInt side = largest(free, guided, divisor);
            fits =
                    side.isPresent()
                            ? "`size` " + side.getAsInt() + " `batch` 1 would fit"
                            : "nothing this model draws would fit";
        }
        throw new SoupException(
                String.format(
                        Locale.ROOT,
                        "Drawing %s of %,d×%,d at once takes about %s of memory, and %s are free; %s.",
                        batch == 1
                                ? "a picture"
                                : String.format(Locale.ROOT, "%,d pictures", batch),
                        size,
                        size,
                        FreeMemory.text(need),
                        FreeMemory.text(free),
                        fits));
    }

    private OptionalInt largest(double free, boolean guided, int divisor) {
        int side = (int) Math.sqrt(free / bytes(1, 1, guided)) / divisor * divisor;
        return side > 0 ? OptionalInt.of(side) : OptionalInt.empty();
    }

    /**
     * Refuses pictures that are too many to be kept together until they are written.
     *
     * @throws SoupException saying how many would fit
     */
    static void checkKept(long pictures, int size) {
        double each = 3.0 * size * size;
        double room = Runtime.getRuntime().maxMemory() * 0.4; // a sheet holds them once more
        if (pictures * each > room) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %,d×%,d take %s until they are written, and there is room for %,d; draw fewer prompts or seeds at once.",
                            pictures,
                            size,
                            size,
                            FreeMemory.text(pictures * each),
                            (long) (room / each)));
        }
    }
}
