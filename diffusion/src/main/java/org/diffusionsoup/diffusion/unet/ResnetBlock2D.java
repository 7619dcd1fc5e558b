package org.diffusionsoup.diffusion.unet;

import java.util.List;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.GroupNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * ResNet block of the UNet and of the autoencoder (diffusers' {@code ResnetBlock2D}): (N, in, H, W)
 * to (N, out, H, W), the UNet's with the timestep embedding added between its convolutions.
 */
public final class ResnetBlock2D {
    private final Names names;
    private final GroupNorm norm1;
    private final Conv2d conv1;
    private final @Nullable Linear timeEmbProj;
    private final GroupNorm norm2;
    private final Conv2d conv2;
    private final @Nullable Conv2d convShortcut;

    /**
     * @param timeEmbedDim width of the timestep embedding, 0 for the autoencoder's blocks
     */
    public ResnetBlock2D(
            Names names, long in, long out, long timeEmbedDim, long groups, double eps) {
        this.names = names;
        norm1 = new GroupNorm(names.sub("norm1"), groups, in, eps);
        conv1 = new Conv2d(names.sub("conv1"), in, out, 3, 1, 1);
        timeEmbProj =
                timeEmbedDim > 0
                        ? new Linear(names.sub("time_emb_proj"), timeEmbedDim, out, true)
                        : null;
        norm2 = new GroupNorm(names.sub("norm2"), groups, out, eps);
        conv2 = new Conv2d(names.sub("conv2"), out, out, 3, 1, 1);
        convShortcut = in == out ? null : new Conv2d(names.sub("conv_shortcut"), in, out, 1, 1, 0);
    }

    /** The autoencoder's use, without a timestep. */
    public Tensor forward(Tensor x) {
        return run(x, null);
    }

    /**
     * @param temb SiLU of the timestep embedding, (N, timeEmbedDim)
     */
    public Tensor forward(Tensor x, Tensor temb) {
        return run(x, temb);
    }

    private Tensor run(Tensor x, @Nullable Tensor temb) {
        Tensor h =
                Scope.chain(
                        x,
                        List.of(
                                y -> activated(norm1, y),
                                conv1::forward,
                                y -> shifted(y, temb),
                                y -> activated(norm2, y),
                                conv2::forward));
        return names.tap((convShortcut == null ? x : convShortcut.forward(x)).add(h));
    }

    private static Tensor activated(GroupNorm norm, Tensor x) {
        return Functional.silu(norm.forward(x));
    }

    private Tensor shifted(Tensor h, @Nullable Tensor temb) {
        return timeEmbProj == null || temb == null
                ? h
                : h.add(timeEmbProj.forward(temb).unsqueeze(-1).unsqueeze(-1)); // (N, out, 1, 1)
    }
}
