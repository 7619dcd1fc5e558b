package org.diffusionsoup.diffusion.unet;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Recomputation;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One level of the UNet: ResNet blocks, each followed by a transformer when the level attends to
 * the text. Covers diffusers' {@code (CrossAttn)DownBlock2D} and {@code (CrossAttn)UpBlock2D}.
 */
final class UNetBlock {
    private final Names names;
    private final List<ResnetBlock2D> resnets = new ArrayList<>();
    private final List<Transformer2DModel> attentions = new ArrayList<>();
    private @Nullable Conv2d resample;
    private @Nullable Names resampleNames;

    private UNetBlock(Names names) {
        this.names = names;
    }

    static UNetBlock down(Names names, UNetConfig c, int level, long in, long temb) {
        UNetBlock b = new UNetBlock(names);
        long out = c.blockOutChannels().get(level);
        boolean attends = c.downBlockTypes().get(level).startsWith("CrossAttn");
        for (int i = 0; i < c.layersPerBlock(); i++) {
            b.resnet(c, i == 0 ? in : out, out, temb);
            if (attends) {
                b.attention(c, out, level);
            }
        }
        if (level < c.blockOutChannels().size() - 1) {
            b.resampleNames = names.sub("downsamplers.0");
            b.resample = new Conv2d(b.resampleNames.sub("conv"), out, out, 3, 2, 1);
        }
        return b;
    }

    /**
     * @param step 0 for the deepest up block
     */
    static UNetBlock up(Names names, UNetConfig c, int step, long temb) {
        UNetBlock b = new UNetBlock(names);
        int n = c.blockOutChannels().size();
        int level = n - 1 - step;
        long out = c.blockOutChannels().get(level);
        long previous = c.blockOutChannels().get(Math.min(level + 1, n - 1));
        long below = c.blockOutChannels().get(Math.max(level - 1, 0));
        boolean attends = c.upBlockTypes().get(step).startsWith("CrossAttn");
        int layers = c.layersPerBlock() + 1;
        for (int i = 0; i < layers; i++) {
            long skip = i == layers - 1 ? below : out;
            b.resnet(c, (i == 0 ? previous : out) + skip, out, temb);
            if (attends) {
                b.attention(c, out, level);
            }
        }
        if (step < n - 1) {
            b.resampleNames = names.sub("upsamplers.0");
            b.resample = new Conv2d(b.resampleNames.sub("conv"), out, out, 3, 1, 1);
        }
        return b;
    }

    private void resnet(UNetConfig c, long in, long out, long temb) {
        resnets.add(
                new ResnetBlock2D(
                        names.sub("resnets", resnets.size()),
                        in,
                        out,
                        temb,
                        c.normNumGroups(),
                        c.normEps()));
    }

    private void attention(UNetConfig c, long channels, int level) {
        attentions.add(
                new Transformer2DModel(
                        names.sub("attentions", attentions.size()),
                        c,
                        channels,
                        c.heads().get(level),
                        c.transformerLayers().get(level)));
    }

    private Tensor attend(int i, Tensor x, Tensor text) {
        return attentions.isEmpty() ? x : attentions.get(i).forward(x, text);
    }

    /** Downwards; every layer's output is pushed on {@code skips}. */
    Tensor down(Tensor x, Tensor temb, Tensor text, Deque<Tensor> skips) {
        List<Tensor> outputs = new ArrayList<>();
        for (int i = 0; i < resnets.size(); i++) {
            x = attend(i, Recomputation.segment(resnets.get(i)::forward, x, temb), text);
            outputs.add(x);
        }
        Conv2d conv = resample;
        if (conv != null && resampleNames != null) {
            x = resampleNames.tap(Recomputation.segment(in -> conv.forward(in[0]), x));
            outputs.add(x);
        }
        for (int i = 0; i < outputs.size(); i++) {
            names.tap("res." + i, outputs.get(i));
            skips.push(outputs.get(i));
        }
        return names.tap(x);
    }

    /** Upwards; every layer takes one tensor off {@code skips}. */
    Tensor up(Tensor x, Tensor temb, Tensor text, ArrayDeque<Tensor> skips) {
        for (int i = 0; i < resnets.size(); i++) {
            ResnetBlock2D resnet = resnets.get(i);
            Tensor wide =
                    Recomputation.segment(
                            in -> resnet.forward(Tensor.cat(List.of(in[0], in[1]), 1), in[2]),
                            x,
                            skips.pop(),
                            temb);
            x = attend(i, wide, text);
        }
        Conv2d conv = resample;
        if (conv != null && resampleNames != null) {
            // To the size of the next skip tensor: twice the size, or one less when the latent was
            // not divisible by the down factor.
            long height = skips.element().size(2);
            long width = skips.element().size(3);
            Tensor large =
                    Recomputation.segment(
                            in -> conv.forward(Functional.upsampleNearest(in[0], height, width)),
                            x);
            x = resampleNames.tap(large);
        }
        return names.tap(x);
    }
}
