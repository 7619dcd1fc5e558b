package org.diffusionsoup.workbench.pretrain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.DiagonalGaussian;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A model with new latent channels computes what the one without them did. */
final class LatentWideningTest {
    private static AutoencoderKL vae(int latentChannels, int width, long seed) {
        AutoencoderKL vae =
                new AutoencoderKL(
                        new VaeConfig(
                                3,
                                3,
                                latentChannels,
                                List.of(width, 2 * width),
                                1,
                                4,
                                1.0,
                                true,
                                true,
                                true,
                                16));
        vae.parameters().initialise(seed);
        return vae;
    }

    private static UNet2DConditionModel unet(int latentChannels, long seed) {
        UNet2DConditionModel unet =
                new UNet2DConditionModel(
                        new UNetConfig(
                                8,
                                latentChannels,
                                latentChannels,
                                List.of("DownBlock2D", "CrossAttnDownBlock2D"),
                                List.of("CrossAttnUpBlock2D", "UpBlock2D"),
                                List.of(8, 16),
                                1,
                                List.of(2, 2),
                                List.of(1, 1),
                                12,
                                true,
                                false,
                                4,
                                1e-5,
                                true,
                                0,
                                0,
                                0,
                                true));
        unet.parameters().initialise(seed);
        return unet;
    }

    @ParameterizedTest
    @CsvSource({"4, 8", "4, 5", "3, 3", "1, 6"})
    void theAutoencoderKeepsItsLatentsAndDoesNotHearTheNewOnes(int known, int channels) {
        AutoencoderKL narrow = vae(known, 8, 1);
        AutoencoderKL wide = vae(channels, 8, 2);
        LatentWidening.copy(narrow.parameters(), wide.parameters());
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(3)) {
            Tensor pixels = rng.normal(2, 3, 16, 16);
            DiagonalGaussian before = narrow.encode(pixels);
            DiagonalGaussian after = wide.encode(pixels);
            same(after.mean().narrow(1, 0, known), before.mean());
            same(after.logVariance().narrow(1, 0, known), before.logVariance());
            Tensor latents = rng.normal(2, channels, 8, 8);
            same(wide.decode(latents), narrow.decode(latents.narrow(1, 0, known)));
        }
    }

    @Test
    void theDenoiserPredictsTheKnownChannelsAsBefore() {
        UNet2DConditionModel narrow = unet(4, 1);
        UNet2DConditionModel wide = unet(7, 2);
        LatentWidening.copy(narrow.parameters(), wide.parameters());
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(3)) {
            Tensor sample = rng.normal(2, 7, 8, 8);
            Tensor times = Tensor.of(new float[] {10, 900}, 2);
            Tensor text = rng.normal(2, 5, 12);
            Tensor after = wide.forward(sample, times, text);
            same(after.narrow(1, 0, 4), narrow.forward(sample.narrow(1, 0, 4), times, text));
            // What is new is not silent: it has random weights to learn from.
            assertThat(after.narrow(1, 4, 3).contiguous().toFloatArray()).doesNotContain(0f);
        }
    }

    @Test
    void onlyLatentChannelsMayDiffer() {
        assertThatThrownBy(() ->
                        LatentWidening.copy(vae(4, 8, 1).parameters(), vae(4, 16, 2).parameters()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("encoder.conv_in.weight")
                .hasMessageContaining("same widths");
        assertThatThrownBy(() ->
                        LatentWidening.copy(vae(8, 8, 1).parameters(), vae(4, 8, 2).parameters()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("or fewer");
        assertThatThrownBy(() ->
                        LatentWidening.copy(unet(4, 1).parameters(), vae(4, 8, 2).parameters()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("has no ");
    }

    private static void same(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        float[] x = a.contiguous().toFloatArray();
        float[] y = b.contiguous().toFloatArray();
        for (int i = 0; i < x.length; i++) {
            assertThat(x[i]).isEqualTo(y[i], within(1e-4f));
        }
    }
}
