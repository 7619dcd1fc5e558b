package org.diffusionsoup.workbench.train;

import java.util.Comparator;
import org.diffusionsoup.image.PictureSize;
import org.diffusionsoup.image.RgbImage;

/**
 * How a picture becomes one of its bucket's size: scaled until it just covers that, with the mean
 * of the area under each pixel as {@link RgbImage#resized} does, and cropped around its middle.
 *
 * @param original size of the picture
 * @param bucket size that it is trained at
 */
public record BucketFit(PictureSize original, PictureSize bucket) {
    /** By the share of the picture that is kept, in whole numbers: equal shares compare equal. */
    static final Comparator<BucketFit> BY_WHAT_IS_KEPT =
            (a, b) -> Long.compare(a.less() * b.more(), b.less() * a.more());

    private long across() {
        return (long) original.width() * bucket.height();
    }

    private long down() {
        return (long) original.height() * bucket.width();
    }

    private long less() {
        return Math.min(across(), down());
    }

    private long more() {
        return Math.max(across(), down());
    }

    /** The share of the picture's area that is not cut off, above 0 to 1. */
    public double kept() {
        return (double) less() / more();
    }

    /** Whether more than a third of the picture is cut off. */
    public boolean cutsMuch() {
        return 3 * less() < 2 * more();
    }

    /** What the picture's sides are multiplied with; above 1 it is enlarged. */
    public double enlargement() {
        return Math.max(
                (double) bucket.width() / original.width(),
                (double) bucket.height() / original.height());
    }

    /** Whether the picture does not cover its bucket as it is. */
    public boolean isEnlarged() {
        return bucket.width() > original.width() || bucket.height() > original.height();
    }

    /** The picture's size once it is scaled, before it is cropped. */
    public PictureSize scaled() {
        boolean wide = across() >= down();
        return wide
                ? new PictureSize(rounded(across(), original.height()), bucket.height())
                : new PictureSize(bucket.width(), rounded(down(), original.width()));
    }

    private static int rounded(long product, int divisor) {
        return Math.toIntExact((2 * product + divisor) / (2L * divisor));
    }

    /** The picture at its bucket's size. */
    public RgbImage apply(RgbImage picture) {
        PictureSize scaled = scaled();
        return picture.resized(scaled.width(), scaled.height())
                .centre(bucket.width(), bucket.height());
    }

    /**
     * SDXL's size conditioning, as it is meant (Podell et al. 2023, arXiv 2307.01952, section 2.2)
     * and as diffusers' {@code train_text_to_image_sdxl.py} has it: height and width of the picture
     * before it is scaled, rows and columns of the scaled picture that are cut off at its top and
     * left, height and width of the bucket. (kohya's {@code get_crop_ltrb} gives the margins of the
     * picture fitted into the bucket instead.)
     */
    float[] conditioning() {
        PictureSize scaled = scaled();
        return new float[] {
            original.height(),
            original.width(),
            (scaled.height() - bucket.height()) / 2,
            (scaled.width() - bucket.width()) / 2,
            bucket.height(),
            bucket.width()
        };
    }
}
