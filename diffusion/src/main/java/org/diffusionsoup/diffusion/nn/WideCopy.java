package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.jspecify.annotations.Nullable;

/**
 * Memory for the float32 copy of one large weight, which all weights of a model share one after the
 * other: what the system lends anew for each copy, it clears first, which takes several times as
 * long as the copy. Not for use by several threads at once.
 */
final class WideCopy {
    /** Elements of copies that malloc has at hand anyway, and that may be needed side by side. */
    private static final long SMALL = 1 << 14;

    private @Nullable Tensor buffer;

    /** Whether a weight's copy is made here: large, and not kept for a backward pass. */
    static boolean isFor(Parameter weight) {
        return weight.elements() > SMALL && !Torch.gradients();
    }

    /** A copy, valid until the next call. */
    Tensor of(Parameter weight) {
        Tensor large = buffer;
        if (large == null || large.elements() < weight.elements()) {
            close();
            large = Tensor.empty(weight.elements()).keep();
            buffer = large;
        }
        return weight.viewOf(large, 0).copy_(weight.value());
    }

    /** Frees the memory; another call takes some again. */
    void close() {
        if (buffer != null) {
            buffer.release();
            buffer = null;
        }
    }
}
