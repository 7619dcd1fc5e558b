package org.diffusionsoup.diffusion.unet;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.GroupNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Recomputation;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/** A picture's positions as tokens through transformer blocks: (N, C, H, W) to the same. */
final class Transformer2DModel {
    private final Names names;
    private final GroupNorm norm;
    private final @Nullable Linear linearIn;
    private final @Nullable Linear linearOut;
    private final @Nullable Conv2d convIn;
    private final @Nullable Conv2d convOut;
    private final List<BasicTransformerBlock> blocks = new ArrayList<>();

    Transformer2DModel(Names names, UNetConfig c, long channels, long heads, int layers) {
        this.names = names;
        // The reference fixes this epsilon at 1e-6, whatever norm_eps says.
        norm = new GroupNorm(names.sub("norm"), c.normNumGroups(), channels, 1e-6);
        boolean linear = c.useLinearProjection();
        linearIn = linear ? new Linear(names.sub("proj_in"), channels, channels, true) : null;
        convIn = linear ? null : new Conv2d(names.sub("proj_in"), channels, channels, 1, 1, 0);
        for (int i = 0; i < layers; i++) {
            blocks.add(
                    new BasicTransformerBlock(
                            names.sub("transformer_blocks", i),
                            channels,
                            c.crossAttentionDim(),
                            heads,
                            c.upcastAttention()));
        }
        linearOut = linear ? new Linear(names.sub("proj_out"), channels, channels, true) : null;
        convOut = linear ? null : new Conv2d(names.sub("proj_out"), channels, channels, 1, 1, 0);
    }

    Tensor forward(Tensor x, Tensor text) {
        Tensor y = Recomputation.segment(in -> tokens(in[0]), x);
        for (BasicTransformerBlock b : blocks) {
            y = Recomputation.segment(b::forward, y, text);
        }
        return Recomputation.segment(this::pictures, y, x);
    }

    /** (N, C, H, W) to (N, H*W, C), normalised and projected. */
    private Tensor tokens(Tensor x) {
        Tensor y = norm.forward(x);
        if (convIn != null) {
            y = convIn.forward(y);
        }
        y = y.permute(0, 2, 3, 1).reshape(x.size(0), -1, x.size(1));
        return linearIn == null ? y : linearIn.forward(y);
    }

    /** Back again, projected, and added to what came in. */
    private Tensor pictures(Tensor y, Tensor x) {
        if (linearOut != null) {
            y = linearOut.forward(y);
        }
        // (N, C, H, W), channels last in memory
        y = y.reshape(x.size(0), x.size(2), x.size(3), x.size(1)).permute(0, 3, 1, 2);
        if (convOut != null) {
            y = convOut.forward(y);
        }
        return names.tap(y.add(x));
    }
}
