package org.diffusionsoup.workbench.train;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.SortedSet;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.image.PictureSize;

/**
 * Which sizes pictures of any shape are trained at: aspect-ratio buckets.
 *
 * <p>The sizes are those of {@code make_bucket_resolutions} in kohya's sd-scripts ({@code
 * library/model_util.py}): for every width in steps the largest height with which the area is at
 * most that of the square, both between the least and the greatest side, and the same turned on its
 * side. kohya's defaults for 512 pixels, 256 to 1024 in steps of 64, are those of {@link #of}; at
 * 1024 pixels all are among those that SDXL was trained at (Podell et al. 2023, arXiv 2307.01952,
 * appendix I). A picture goes to the one nearest in aspect ratio, as with {@code
 * BucketManager.select_bucket} there and in NovelAI's aspect ratio bucketing, with two differences:
 *
 * <ul>
 *   <li>Nearest is the one that cuts the least off, which compares ratios by their quotient; these
 *       two take the difference of width over height, which tells upright pictures from wide ones.
 *   <li>A picture that would have to be enlarged goes by the same rule to a size of the next lower
 *       resolution, in steps down to the least side. ({@code bucket_no_upscale} there makes a size
 *       of the picture's own, rounded down, which may be of any area.) Only what is smaller than
 *       all of these is enlarged: to the size that takes the least enlarging and cutting together.
 * </ul>
 *
 * @param resolution side in pixels of the square whose area no size exceeds, a multiple of {@code
 *     step} from {@code least} to {@code most}
 * @param step in pixels, of which all sides are multiples
 * @param least side in pixels, a multiple of {@code step}
 * @param most side in pixels, a multiple of {@code step}
 */
public record BucketRule(int resolution, int step, int least, int most) {
    /** Latents that a side grows by at the size of Stable Diffusion: 64 pixels. */
    private static final int STEP = 8;

    private static final int GREATEST = 8192;

    /**
     * @throws SoupException if a side is not positive, no multiple of the step, or out of order
     */
    public BucketRule {
        if (step < 1
                || least < step
                || resolution < least
                || most < resolution
                || most > 2 * GREATEST
                || resolution % step + least % step + most % step != 0) {
            throw new SoupException(
                    "buckets of %d pixels with sides from %d to %d in steps of %d cannot be made"
                            .formatted(resolution, least, most, step));
        }
    }

    /**
     * The rule for a base: steps of 64 pixels for Stable Diffusion and SDXL; for smaller models an
     * eighth of their own size, rounded up to what their UNet can halve. Sides go from half the
     * resolution to twice that.
     *
     * @param base folder in diffusers layout
     * @param resolution side in pixels of the square that is trained on; empty for the base's own
     * @throws SoupException if the resolution is no multiple of the step, or the base does not say
     *     what its own is
     */
    public static BucketRule of(Path base, OptionalInt resolution) {
        UNetConfig unet = UNetConfig.of(JsonConfig.read(base.resolve("unet/config.json")));
        int factor = VaeConfig.of(JsonConfig.read(base.resolve("vae/config.json"))).downFactor();
        int own = unet.sampleSize();
        int halvings = 1 << (unet.blockOutChannels().size() - 1);
        int latents = own == 0 ? STEP : Math.clamp(own / STEP, 1, STEP);
        int step = Math.ceilDiv(latents, halvings) * halvings * factor;
        int side = resolution.orElse(own * factor / step * step);
        if (side < step || side > GREATEST || side % step != 0) {
            throw new SoupException(
                    resolution.isPresent()
                            ? "`buckets` must be a multiple of %d from %d to %d for %s, not %d"
                                    .formatted(step, step, GREATEST / step * step, base, side)
                            : "%s does not say what size it was trained at; give `buckets` a size in pixels, a multiple of %d"
                                    .formatted(base, step));
        }
        return new BucketRule(side, step, Math.max(step, side / 2 / step * step), 2 * side);
    }

    /** All sizes of the resolution, by width. */
    public List<PictureSize> sizes() {
        return sizes(resolution);
    }

    private List<PictureSize> sizes(int side) {
        SortedSet<PictureSize> sizes =
                new TreeSet<>(
                        Comparator.comparingInt(PictureSize::width)
                                .thenComparingInt(PictureSize::height));
        sizes.add(new PictureSize(side, side));
        long area = (long) side * side;
        for (int one = least; one <= most; one += step) {
            int other = (int) Math.min(most, area / one / step * step);
            if (other >= least) {
                sizes.add(new PictureSize(one, other));
                sizes.add(new PictureSize(other, one));
            }
        }
        return List.copyOf(sizes);
    }

    /** Where a picture goes. */
    public BucketFit fit(PictureSize picture) {
        BucketFit best = nearest(picture, resolution);
        for (int side = resolution; side >= least; side -= step) {
            BucketFit fit = nearest(picture, side);
            if (!fit.isEnlarged()) {
                return fit;
            }
            if (fit.enlargement() / fit.kept() < best.enlargement() / best.kept()) {
                best = fit;
            }
        }
        return best;
    }

    private BucketFit nearest(PictureSize picture, int side) {
        return sizes(side).stream()
                .map(size -> new BucketFit(picture, size))
                .max(
                        BucketFit.BY_WHAT_IS_KEPT
                                .thenComparing(f -> f.bucket().area())
                                // the squarer one, and so the same for a picture on its side
                                .thenComparing(f -> -f.bucket().width() - f.bucket().height()))
                .orElseThrow();
    }
}
