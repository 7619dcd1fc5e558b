package org.diffusionsoup.diffusion.train;

import java.util.Optional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/**
 * Precomputed inputs of UNet training: latents and text embeddings, encoded once.
 *
 * <p>The tensors handed in must be kept by the caller for as long as this set is used.
 */
public final class LatentSet {
    private final Tensor latents;
    private final Tensor texts;
    private final int[][] captions;
    private final int empty;
    private final Optional<Added> added;

    /**
     * What SDXL is told besides.
     *
     * @param pooled projected embeddings of the captions (captions, D), float32
     * @param height in pixels of all pictures, which count as whole: their original size is their
     *     own, and nothing was cropped
     * @param width in pixels
     */
    public record Added(Tensor pooled, int height, int width) {}

    /**
     * @param latents scaled latents (rows, C, h, w), float32
     * @param texts text embeddings (captions, tokens, width), float32
     * @param captions per row, the indices of its captions in {@code texts}
     * @param empty index of the empty caption in {@code texts}
     */
    public LatentSet(Tensor latents, Tensor texts, int[][] captions, int empty) {
        this(latents, texts, captions, empty, Optional.empty());
    }

    /**
     * As above for SDXL.
     *
     * @param added empty for Stable Diffusion 1.x and 2.x
     */
    public LatentSet(
            Tensor latents, Tensor texts, int[][] captions, int empty, Optional<Added> added) {
        this.added = added;
        this.latents = latents;
        this.texts = texts;
        this.captions = captions;
        this.empty = empty;
    }

    int rows() {
        return captions.length;
    }

    int[] captionsOf(int row) {
        return captions[row];
    }

    int emptyCaption() {
        return empty;
    }

    Tensor latents(int[] rows) {
        long[] index = new long[rows.length];
        for (int i = 0; i < rows.length; i++) {
            index[i] = rows[i];
        }
        return latents.indexSelect(0, Tensor.of(index));
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
     * @param captions their indices
     */
    Tensor predict(
            UNet2DConditionModel unet,
            Tensor x,
            Tensor timesteps,
            Tensor context,
            long[] captions) {
        if (added.isEmpty()) {
            return unet.forward(x, timesteps, context);
        }
        Added more = added.get();
        float[] size = {more.height, more.width, 0, 0, more.height, more.width};
        Tensor ids = Tensor.of(size, 1, size.length).expand(captions.length, size.length);
        Tensor pooled = more.pooled.indexSelect(0, Tensor.of(captions));
        return unet.forward(x, timesteps, context, pooled, ids.contiguous());
    }
}
