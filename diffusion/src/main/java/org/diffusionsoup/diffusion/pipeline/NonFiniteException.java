package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/** Latents or pictures hold NaN or infinities, of which there is no picture. */
public final class NonFiniteException extends SoupException {
    private static final long serialVersionUID = 1L;

    private final String where;

    private NonFiniteException(String where) {
        super("There are no finite numbers " + where + ", and so no picture.");
        this.where = where;
    }

    /** Where they were met, such as "in the latents at step 3 of 25". */
    public String where() {
        return where;
    }

    static void check(Tensor x, String where) {
        try (Scope scope = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            // 0 times NaN or an infinity is NaN
            if (x.mul(0.0).sum().item() != 0) {
                throw new NonFiniteException(where);
            }
        }
    }
}
