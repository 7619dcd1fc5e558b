package org.diffusionsoup.bench;

import java.util.HashMap;
import java.util.Map;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/**
 * Counts the floating-point operations of a UNet from the shapes of its layers: a multiplication
 * and an addition are two. Convolutions, linear layers and the two products inside attention count;
 * normalisations, activations and sums do not, as is usual for a model's share of peak.
 */
public final class UNetFlops {
    /** A backward pass makes two products for each of the forward pass. */
    public static final int TRAINING_PER_FORWARD = 3;

    /** Original size, crop and target size of a picture, as SDXL is told them. */
    private static final int TIME_IDS = 6;

    private UNetFlops() {}

    /**
     * Operations of one forward pass of one picture.
     *
     * @param height of the latents
     * @param width of the latents
     * @param tokens of the text
     */
    public static long forward(UNet2DConditionModel unet, int height, int width, int tokens) {
        Map<String, long[]> shapes = new HashMap<>();
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            unet.parameters().observe((path, value) -> shapes.put(path, value.shape()));
            pass(
                    unet,
                    Tensor.zeros(1, unet.config().inChannels(), height, width),
                    Tensor.zeros(1),
                    Tensor.zeros(1, tokens, unet.config().crossAttentionDim()));
        } finally {
            unet.parameters().observe(null);
        }
        long sum = 0;
        for (Map.Entry<String, long[]> layer : shapes.entrySet()) {
            Parameter weight = unet.parameters().find(layer.getKey() + ".weight");
            if (weight != null && weight.shape().length > 1) {
                sum += ofLayer(layer.getValue(), weight);
                continue;
            }
            long[] queries = shapes.get(layer.getKey() + ".to_q");
            long[] keys = shapes.get(layer.getKey() + ".to_k");
            if (queries != null && keys != null) {
                sum += ofAttention(queries, keys);
            }
        }
        return sum;
    }

    /**
     * A forward pass of any UNet; where it takes SDXL's added conditions, they are zeros.
     *
     * @param latents (N, channels, height, width)
     * @param timesteps (1) or (N)
     * @param text (N, tokens, width)
     */
    static Tensor pass(UNet2DConditionModel unet, Tensor latents, Tensor timesteps, Tensor text) {
        int ids = unet.config().additionTimeEmbedDim();
        if (ids == 0) {
            return unet.forward(latents, timesteps, text);
        }
        long n = latents.size(0);
        int pooled = unet.config().projectionClassEmbeddingsInputDim() - TIME_IDS * ids;
        return unet.forward(
                latents, timesteps, text, Tensor.zeros(n, pooled), Tensor.zeros(n, TIME_IDS));
    }

    /** Each output value is a sum over one output channel's weights. */
    private static long ofLayer(long[] output, Parameter weight) {
        long values = 1;
        for (long d : output) {
            values *= d;
        }
        return 2 * values * (weight.elements() / weight.shape()[0]);
    }

    /** Scores (queries × keys) and their product with the values, over all heads together. */
    private static long ofAttention(long[] queries, long[] keys) {
        return 4 * queries[1] * keys[1] * queries[2];
    }
}
