package org.diffusionsoup.diffusion.blip;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Which tokens may be seen, as a number added to the attention's scores: 0 to see, -10000 not to,
 * which is BERT's own and vanishes in float32's softmax. Belongs to the scope it was made in.
 */
final class AttentionMask {
    private static final double HIDDEN = -10000;
    private static final AttentionMask ALL = new AttentionMask(null);

    private final @Nullable Tensor added;

    private AttentionMask(@Nullable Tensor added) {
        this.added = added;
    }

    /** Everything is seen. */
    static AttentionMask all() {
        return ALL;
    }

    /**
     * Padding is hidden.
     *
     * @param mask int64 (N, tokens), 1 or 0
     */
    static AttentionMask padding(Tensor mask) {
        // (N, heads, queries, tokens); 1 to 0 and 0 to HIDDEN
        return new AttentionMask(hidden(mask).reshape(mask.size(0), 1, 1, mask.size(1)));
    }

    /** Padding is hidden, and from each token all tokens after it. */
    static AttentionMask causal(Tensor mask) {
        int length = Math.toIntExact(mask.size(1));
        float[] later = new float[length * length];
        for (int i = 0; i < length; i++) {
            for (int j = i + 1; j < length; j++) {
                later[i * length + j] = (float) HIDDEN;
            }
        }
        Tensor both =
                hidden(mask)
                        .reshape(mask.size(0), 1, 1, length)
                        .add(Tensor.of(later, 1, 1, length, length));
        return new AttentionMask(both.clamp(HIDDEN, 0));
    }

    private static Tensor hidden(Tensor mask) {
        return mask.toFloat().add(-1).mul(-HIDDEN);
    }

    Tensor attention(Tensor q, Tensor k, Tensor v) {
        return added == null
                ? Functional.attention(q, k, v, false)
                : Functional.attention(q, k, v, added);
    }
}
