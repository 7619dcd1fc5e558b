package org.diffusionsoup.diffusion.vae;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.GroupNorm;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.ResnetBlock2D;

/** Pictures (N, 3, H, W) to mean and log-variance of latents (N, 2 latent, H/f, W/f). */
final class Encoder {
    private final Conv2d convIn;
    private final List<Names> levelNames = new ArrayList<>();
    private final List<List<ResnetBlock2D>> levels = new ArrayList<>();
    private final List<Conv2d> downsamplers = new ArrayList<>();
    private final MidBlock mid;
    private final GroupNorm normOut;
    private final Conv2d convOut;

    Encoder(Names names, VaeConfig c) {
        List<Integer> channels = c.blockOutChannels();
        long in = channels.getFirst();
        convIn = new Conv2d(names.sub("conv_in"), c.inChannels(), in, 3, 1, 1);
        for (int i = 0; i < channels.size(); i++) {
            Names level = names.sub("down_blocks", i);
            levelNames.add(level);
            long out = channels.get(i);
            List<ResnetBlock2D> blocks = new ArrayList<>();
            for (int j = 0; j < c.layersPerBlock(); j++) {
                blocks.add(
                        new ResnetBlock2D(
                                level.sub("resnets", j), in, out, 0, c.normNumGroups(), 1e-6));
                in = out;
            }
            levels.add(blocks);
            if (i < channels.size() - 1) {
                // Unpadded: the reference pads only right and bottom, see forward.
                downsamplers.add(new Conv2d(level.sub("downsamplers.0.conv"), out, out, 3, 2, 0));
            }
        }
        mid = new MidBlock(names.sub("mid_block"), c, in);
        normOut = new GroupNorm(names.sub("conv_norm_out"), c.normNumGroups(), in, 1e-6);
        convOut = new Conv2d(names.sub("conv_out"), in, 2L * c.latentChannels(), 3, 1, 1);
    }

    Tensor forward(Tensor pixels) {
        List<UnaryOperator<Tensor>> layers = new ArrayList<>();
        layers.add(convIn::forward);
        for (int i = 0; i < levels.size(); i++) {
            int level = i;
            layers.add(x -> level(level, x));
        }
        layers.add(mid::forward);
        layers.add(x -> Functional.silu(normOut.forward(x)));
        layers.add(convOut::forward);
        return Scope.chain(pixels, layers);
    }

    private Tensor level(int i, Tensor in) {
        List<UnaryOperator<Tensor>> layers = new ArrayList<>();
        levels.get(i).forEach(b -> layers.add(b::forward));
        if (i < downsamplers.size()) {
            layers.add(x -> Functional.pad(x, 0, 1, 0, 1));
            layers.add(downsamplers.get(i)::forward);
        }
        return levelNames.get(i).tap(Scope.chain(in, layers));
    }
}
