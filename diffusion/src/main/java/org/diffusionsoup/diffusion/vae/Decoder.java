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

/** Latents (N, latent, h, w) to pictures (N, 3, h f, w f). */
final class Decoder {
    private final Conv2d convIn;
    private final MidBlock mid;
    private final List<Names> levelNames = new ArrayList<>();
    private final List<List<ResnetBlock2D>> levels = new ArrayList<>();
    private final List<Conv2d> upsamplers = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;

    Decoder(Names names, VaeConfig c) {
        List<Integer> channels = c.blockOutChannels().reversed();
        long in = channels.getFirst();
        convIn = new Conv2d(names.sub("conv_in"), c.latentChannels(), in, 3, 1, 1);
        mid = new MidBlock(names.sub("mid_block"), c, in);
        for (int i = 0; i < channels.size(); i++) {
            Names level = names.sub("up_blocks", i);
            levelNames.add(level);
            long out = channels.get(i);
            List<ResnetBlock2D> blocks = new ArrayList<>();
            for (int j = 0; j < c.layersPerBlock() + 1; j++) {
                blocks.add(
                        new ResnetBlock2D(
                                level.sub("resnets", j), in, out, 0, c.normNumGroups(), 1e-6));
                in = out;
            }
            levels.add(blocks);
            if (i < channels.size() - 1) {
                upsamplers.add(new Conv2d(level.sub("upsamplers.0.conv"), out, out, 3, 1, 1));
            }
        }
        normOut = new GroupNorm(names.sub("conv_norm_out"), c.normNumGroups(), in, 1e-6);
        convOut = new Conv2d(names.sub("conv_out"), in, c.outChannels(), 3, 1, 1);
    }

    Tensor forward(Tensor z) {
        List<UnaryOperator<Tensor>> layers = new ArrayList<>();
        layers.add(convIn::forward);
        layers.add(mid::forward);
        for (int i = 0; i < levels.size(); i++) {
            int level = i;
            layers.add(x -> level(level, x));
        }
        layers.add(x -> Functional.silu(normOut.forward(x)));
        layers.add(convOut::forward);
        return Scope.chain(z, layers);
    }

    private Tensor level(int i, Tensor in) {
        List<UnaryOperator<Tensor>> layers = new ArrayList<>();
        levels.get(i).forEach(b -> layers.add(b::forward));
        if (i < upsamplers.size()) {
            layers.add(x -> Functional.upsampleNearest(x, 2 * x.size(2), 2 * x.size(3)));
            layers.add(upsamplers.get(i)::forward);
        }
        return levelNames.get(i).tap(Scope.chain(in, layers));
    }
}
