package org.diffusionsoup.diffusion.train;

import org.diffusionsoup.diffusion.torch.Tensor;

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

    /**
     * @param latents scaled latents (rows, C, h, w), float32
     * @param texts text embeddings (captions, tokens, width), float32
     * @param captions per row, the indices of its captions in {@code texts}
     * @param empty index of the empty caption in {@code texts}
     */
    public LatentSet(Tensor latents, Tensor texts, int[][] captions, int empty) {
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
}
