package org.diffusionsoup.diffusion.train;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/**
 * Precomputed inputs of UNet training: latents and text embeddings, encoded once.
 *
 * <p>The tensors handed in must be kept by the caller for as long as this set is used.
 */
public final class LatentSet {
    /** Numbers of SDXL's size conditioning. */
    private static final int SIZES = 6;

    private final List<Tensor> latents;
    private final Optional<int[]> buckets;
    private final int[] places;
    private final Tensor texts;
    private final int[][] captions;
    private final int empty;
    private final Optional<Added> added;

    /**
     * What SDXL is told besides.
     *
     * @param pooled projected embeddings of the captions (captions, D), float32
     * @param sizes per row six numbers in pixels: height and width of the original picture, top and
     *     left of the crop, height and width of what is trained on
     */
    public record Added(Tensor pooled, float[][] sizes) {
        /**
         * For pictures of one size that count as whole: their original size is their own, and
         * nothing was cropped.
         */
        public static Added whole(Tensor pooled, int rows, int height, int width) {
            float[] size = {height, width, 0, 0, height, width};
            float[][] sizes = new float[rows][];
            Arrays.fill(sizes, size);
            return new Added(pooled, sizes);
        }
    }

    /**
     * Latents of one size, of which any may be in a batch.
     *
     * @param latents scaled latents (rows, C, h, w), float32
     * @param texts text embeddings (captions, tokens, width), float32
     * @param captions per row, the indices of its captions in {@code texts}
     * @param empty index of the empty caption in {@code texts}
     */
    public LatentSet(Tensor latents, Tensor texts, int[][] captions, int empty) {
        this(List.of(latents), Optional.empty(), texts, captions, empty, Optional.empty());
    }

    /**
     * As above, also for latents of several sizes and for SDXL.
     *
     * @param latents one tensor (n, C, h, w) for each bucket, of its rows in their order
     * @param buckets the bucket of each row; empty for a single tensor of which any rows may be in
     *     a batch
     * @param added empty for Stable Diffusion 1.x and 2.x
     */
    public LatentSet(
            List<Tensor> latents,
            Optional<int[]> buckets,
            Tensor texts,
            int[][] captions,
            int empty,
            Optional<Added> added) {
        this.added = added;
        this.latents = List.copyOf(latents);
        this.buckets = buckets.map(int[]::clone);
        this.texts = texts;
        this.captions = captions;
        this.empty = empty;
        this.places = new int[captions.length];
        int[] filled = new int[latents.size()];
        for (int row = 0; row < places.length; row++) {
            places[row] = filled[bucket(row)]++;
        }
    }

    int rows() {
        return captions.length;
    }

    Optional<int[]> buckets() {
        return buckets.map(int[]::clone);
    }

    private int bucket(int row) {
        return buckets.map(b -> b[row]).orElse(0);
    }

    int[] captionsOf(int row) {
        return captions[row];
    }

    int emptyCaption() {
        return empty;
    }

    /**
     * Latents (N, C, h, w) of some rows.
     *
     * @throws TrainingException if they are not of one bucket
     */
    Tensor latents(int[] rows) {
        int bucket = bucket(rows[0]);
        long[] index = new long[rows.length];
        for (int i = 0; i < rows.length; i++) {
            if (bucket(rows[i]) != bucket) {
                throw new TrainingException(
                        "rows %d and %d have latents of different sizes and cannot be in one batch"
                                .formatted(rows[0], rows[i]));
            }
            index[i] = places[rows[i]];
        }
        return latents.get(bucket).indexSelect(0, Tensor.of(index));
    }

    Tensor text(long[] captions) {
        return texts.indexSelect(0, Tensor.of(captions));
    }

    /**
     * A UNet's prediction for rows of this set.
     *
     * @param x noised latents (N, C, h, w)
     * @param timesteps (N)
     * @param context embeddings of their captions (N, tokens, width)
     * @param rows their indices
     * @param captions the captions' indices
     */
    Tensor predict(
            UNet2DConditionModel unet,
            Tensor x,
            Tensor timesteps,
            Tensor context,
            int[] rows,
            long[] captions) {
        if (added.isEmpty()) {
            return unet.forward(x, timesteps, context);
        }
        Added more = added.get();
        float[] ids = new float[SIZES * rows.length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(more.sizes[rows[i]], 0, ids, SIZES * i, SIZES);
        }
        Tensor pooled = more.pooled.indexSelect(0, Tensor.of(captions));
        return unet.forward(x, timesteps, context, pooled, Tensor.of(ids, rows.length, SIZES));
    }
}
