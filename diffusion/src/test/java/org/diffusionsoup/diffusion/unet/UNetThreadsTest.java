package org.diffusionsoup.diffusion.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.Test;

/** With several threads layers are computed in another way, and give the same up to rounding. */
class UNetThreadsTest {
    private static final Path BASE = Path.of("../models/emoji-base/unet");

    @Test
    void theShippedBasePredictsTheSameWithAnyNumberOfThreads() {
        int before = Torch.threads();
        UNet2DConditionModel unet = StableDiffusion.unet(BASE);
        try (Parameters weights = unet.parameters()) {
            float[] one = predicted(unet, 1);
            float[] two = predicted(unet, 2);
            float[] again = predicted(unet, 2);
            assertThat(again).isEqualTo(two);
            assertThat(two).as("another way of computing").isNotEqualTo(one);
            for (int i = 0; i < one.length; i++) {
                assertThat(two[i]).isCloseTo(one[i], within(1e-4f));
            }
        } finally {
            Torch.setThreads(before);
        }
    }

    private static float[] predicted(UNet2DConditionModel unet, int threads) {
        Torch.setThreads(threads);
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(5)) {
            Tensor latents = rng.normal(2, unet.config().inChannels(), 16, 16);
            Tensor text = rng.normal(2, 24, unet.config().crossAttentionDim());
            return unet.forward(latents, Tensor.full(400, 1), text).toFloatArray();
        }
    }
}
