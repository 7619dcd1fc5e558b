package org.diffusionsoup.diffusion.pipeline;

import java.util.List;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/** The denoiser a sampling loop calls: one model, a soup, or an ensemble. */
@FunctionalInterface
public interface NoisePredictor {
    /**
     * @param latents scaled model input (N, C, h, w)
     * @param timestep the same for all rows
     * @param text embeddings (N, tokens, width)
     * @return prediction (N, C, h, w)
     */
    Tensor predict(Tensor latents, double timestep, Tensor text);

    /** One UNet. */
    static NoisePredictor of(UNet2DConditionModel unet) {
        return (x, t, text) -> unet.forward(x, Tensor.full(t, 1), text);
    }

    /**
     * The mean of several UNets' predictions with equal coefficients: the ensemble that a soup
     * approximates at the cost of one model (paper, Eq. 5).
     */
    static NoisePredictor ensemble(List<UNet2DConditionModel> unets) {
        List<UNet2DConditionModel> members = List.copyOf(unets);
        if (members.isEmpty()) {
            throw new IllegalArgumentException("an ensemble needs at least one member");
        }
        return (x, t, text) -> {
            Tensor timestep = Tensor.full(t, 1);
            Tensor sum = members.getFirst().forward(x, timestep, text);
            for (UNet2DConditionModel u : members.subList(1, members.size())) {
                sum = sum.add(u.forward(x, timestep, text));
            }
            return sum.div(members.size());
        };
    }
}
