package org.diffusionsoup.workbench.pretrain;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.junit.jupiter.api.Test;

/** What training changes in an autoencoder whose latents are kept. */
final class KeptLatentsTest {
    private static final int KNOWN = 3;
    private static final int NOW = 5;

    private static AutoencoderKL vae(int channels, long seed) {
        AutoencoderKL vae =
                new AutoencoderKL(
                        new VaeConfig(
                                3, 3, channels, List.of(8, 16), 1, 4, 1.0, true, true, true, 16));
        vae.parameters().initialise(seed);
        return vae;
    }

    private static float[] means(AutoencoderKL vae, Tensor pixels, long from, long channels) {
        return vae.encode(pixels).mean().narrow(1, from, channels).contiguous().toFloatArray();
    }

    @Test
    void knownChannelsStayToTheBitWhileNewOnesAndTheDecoderLearn() {
        AutoencoderKL vae = vae(NOW, 2);
        LatentWidening.copy(vae(KNOWN, 1).parameters(), vae.parameters());
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(3);
                KeptLatents kept = new KeptLatents(vae.parameters(), KNOWN, NOW)) {
            Tensor pixels = rng.normal(2, 3, 16, 16);
            float[] known = means(vae, pixels, 0, KNOWN);
            float[] added = means(vae, pixels, KNOWN, NOW - KNOWN);
            float[] decoded = vae.decode(vae.encode(pixels).mean()).toFloatArray();
            for (int step = 0; step < 2; step++) {
                for (Parameter p : vae.parameters().all()) {
                    p.value().add_(rng.normal(p.shape()), 0.05);
                }
                kept.restore();
            }
            assertThat(means(vae, pixels, 0, KNOWN)).isEqualTo(known);
            assertThat(means(vae, pixels, KNOWN, NOW - KNOWN)).isNotEqualTo(added);
            assertThat(vae.decode(vae.encode(pixels).mean()).toFloatArray()).isNotEqualTo(decoded);
        }
    }

    @Test
    void withoutRestoringTheyWouldChange() {
        AutoencoderKL vae = vae(NOW, 2);
        LatentWidening.copy(vae(KNOWN, 1).parameters(), vae.parameters());
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(3)) {
            Tensor pixels = rng.normal(2, 3, 16, 16);
            float[] known = means(vae, pixels, 0, KNOWN);
            for (Parameter p : vae.parameters().all()) {
                p.value().add_(rng.normal(p.shape()), 0.05);
            }
            assertThat(means(vae, pixels, 0, KNOWN)).isNotEqualTo(known);
        }
    }
}
