package org.diffusionsoup.diffusion.blip;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.TorchException;

/** BLIP's image encoder: salesforce/BLIP's {@code VisionTransformer}, same parameter names. */
public final class VisionTransformer {
    private static final Init NORMAL = new Init.Normal(0.02);

    private final VitConfig config;
    private final Parameter classToken;
    private final Parameter positions;
    private final Conv2d patches;
    private final List<Block> blocks = new ArrayList<>();
    private final LayerNorm norm;

    VisionTransformer(Names names, VitConfig c) {
        config = c;
        int p = c.patchSize();
        classToken = names.parameter("cls_token", NORMAL, 1, 1, c.width());
        positions = names.parameter("pos_embed", NORMAL, 1, c.tokens(), c.width());
        patches = new Conv2d(names.sub("patch_embed.proj"), 3, c.width(), p, p, 0);
        for (int i = 0; i < c.depth(); i++) {
            blocks.add(new Block(names.sub("blocks", i), c));
        }
        norm = new LayerNorm(names.sub("norm"), c.width(), c.layerNormEps());
    }

    public VitConfig config() {
        return config;
    }

    /**
     * Encodes pictures.
     *
     * @param pixels preprocessed pictures (N, 3, imageSize, imageSize)
     * @return (N, patches + 1, width), the class token first, after the last norm
     * @throws TorchException if the pictures have another size
     */
    public Tensor forward(Tensor pixels) {
        int side = config.imageSize();
        long[] shape = pixels.shape();
        if (shape.length != 4 || shape[1] != 3 || shape[2] != side || shape[3] != side) {
            throw new TorchException(
                    "the image encoder takes pictures (N, 3, %d, %d), not %s"
                            .formatted(side, side, Arrays.toString(shape)));
        }
        long n = shape[0];
        long width = config.width();
        // (N, width, rows, columns) to (N, rows*columns, width)
        Tensor p = patches.forward(pixels.channelsLast()).permute(0, 2, 3, 1).reshape(n, -1, width);
        Tensor cls = classToken.float32().expand(n, 1, width);
        Tensor x = Tensor.cat(List.of(cls, p), 1).add(positions.float32());
        for (Block block : blocks) {
            x = block.forward(x);
        }
        return norm.forward(x);
    }

    private static final class Block {
        private final Names names;
        private final LayerNorm norm1;
        private final Linear qkv;
        private final Linear proj;
        private final LayerNorm norm2;
        private final Linear fc1;
        private final Linear fc2;
        private final long heads;

        Block(Names names, VitConfig c) {
            this.names = names;
            int width = c.width();
            int hidden = (int) (width * c.mlpRatio() + 1e-6); // ratios of configs are rounded
            heads = c.heads();
            norm1 = new LayerNorm(names.sub("norm1"), width, c.layerNormEps());
            qkv = linear(names.sub("attn.qkv"), width, 3 * width);
            proj = linear(names.sub("attn.proj"), width, width);
            norm2 = new LayerNorm(names.sub("norm2"), width, c.layerNormEps());
            fc1 = linear(names.sub("mlp.fc1"), width, hidden);
            fc2 = linear(names.sub("mlp.fc2"), hidden, width);
        }

        private static Linear linear(Names names, int in, int out) {
            return new Linear(names, in, out, true, NORMAL, Init.ZERO);
        }

        Tensor forward(Tensor x) {
            long n = x.size(0);
            long tokens = x.size(1);
            // (N, tokens, 3·width) to three of (N, heads, tokens, width / heads)
            Tensor all =
                    qkv.forward(norm1.forward(x))
                            .reshape(n, tokens, 3, heads, -1)
                            .permute(2, 0, 3, 1, 4);
            Tensor y =
                    Functional.attention(
                            all.select(0, 0), all.select(0, 1), all.select(0, 2), false);
            x = x.add(proj.forward(y.transpose(1, 2).reshape(n, tokens, -1)));
            return names.tap(x.add(fc2.forward(Functional.gelu(fc1.forward(norm2.forward(x))))));
        }
    }
}
