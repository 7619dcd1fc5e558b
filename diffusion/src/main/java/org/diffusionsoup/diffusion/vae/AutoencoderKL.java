package org.diffusionsoup.diffusion.vae;

import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The latent space of Stable Diffusion: diffusers' {@code AutoencoderKL}, same parameter names.
 * Pictures are float32 NCHW in [-1, 1].
 */
public final class AutoencoderKL {
    private final VaeConfig config;
    private final Parameters parameters;
    private final Encoder encoder;
    private final @Nullable Conv2d quantConv;
    private final @Nullable Conv2d postQuantConv;
    private final Decoder decoder;

    /** Builds the model and allocates its weights, uninitialised. */
    public AutoencoderKL(VaeConfig c) {
        this(c, WeightFormat.F32);
    }

    /** The same with weights held in another format than float32. */
    public AutoencoderKL(VaeConfig c, WeightFormat weights) {
        this(c, Names.root());
        parameters.allocate(weights);
    }

    /** The names and shapes of its weights, for which no memory is taken. */
    public static Parameters declared(VaeConfig c) {
        return new AutoencoderKL(c, Names.root()).parameters;
    }

    private AutoencoderKL(VaeConfig c, Names root) {
        config = c;
        parameters = root.parameters();
        long z = c.latentChannels();
        encoder = new Encoder(root.sub("encoder"), c);
        quantConv =
                c.useQuantConv() ? new Conv2d(root.sub("quant_conv"), 2 * z, 2 * z, 1, 1, 0) : null;
        postQuantConv =
                c.usePostQuantConv()
                        ? new Conv2d(root.sub("post_quant_conv"), z, z, 1, 1, 0)
                        : null;
        decoder = new Decoder(root.sub("decoder"), c);
    }

    public VaeConfig config() {
        return config;
    }

    public Parameters parameters() {
        return parameters;
    }

    /** The distribution of latents of pictures (N, 3, H, W); no scaling factor is applied. */
    public DiagonalGaussian encode(Tensor pixels) {
        Tensor moments = encoder.forward(pixels.channelsLast());
        if (quantConv != null) {
            moments = quantConv.forward(moments);
        }
        Tensor[] half = moments.toFloat().chunk(2, 1);
        return new DiagonalGaussian(half[0], half[1].clamp(-30, 20));
    }

    /** Pictures (N, 3, H, W) of latents (N, latent, h, w); no scaling factor is applied. */
    public Tensor decode(Tensor latents) {
        Tensor z = latents.channelsLast();
        if (postQuantConv != null) {
            z = postQuantConv.forward(z);
        }
        return decoder.forward(z);
    }
}
