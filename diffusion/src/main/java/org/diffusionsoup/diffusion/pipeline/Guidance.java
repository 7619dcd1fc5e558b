package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Classifier-free guidance (Ho and Salimans 2022).
 *
 * @param scale w; 1 or less uses the conditional prediction alone
 * @param rescale share φ of the prediction that is scaled back to the conditional one's standard
 *     deviation (Lin et al. 2024, Section 3.4), 0 to 1
 */
public record Guidance(double scale, double rescale) {
    public Guidance {
        if (!Double.isFinite(scale) || !(rescale >= 0 && rescale <= 1)) {
            throw new PipelineException(
                    "guidance needs a finite scale and a rescale of 0 to 1, not "
                            + scale
                            + " and "
                            + rescale);
        }
    }

    /** Guidance without rescaling. */
    public static Guidance of(double scale) {
        return new Guidance(scale, 0);
    }

    boolean needsUnconditional() {
        return scale > 1;
    }

    /** The guided prediction from both predictions (N, C, h, w). */
    Tensor combine(Tensor unconditional, Tensor conditional) {
        Tensor guided = unconditional.add(conditional.sub(unconditional).mul(scale));
        if (rescale == 0) {
            return guided;
        }
        Tensor ratio = conditional.std(true, 1, 2, 3).div(guided.std(true, 1, 2, 3));
        return guided.mul(ratio).mul(rescale).add(guided.mul(1 - rescale));
    }
}
