package org.diffusionsoup.diffusion.vae;

import org.diffusionsoup.diffusion.nn.GroupNorm;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.Attention;
import org.diffusionsoup.diffusion.unet.ResnetBlock2D;
import org.jspecify.annotations.Nullable;

/** The autoencoder's middle: ResNet block, single-head attention, ResNet block. */
final class MidBlock {
    private final Names names;
    private final ResnetBlock2D resnet0;
    private final @Nullable Names attentionNames;
    private final @Nullable GroupNorm norm;
    private final @Nullable Attention attention;
    private final ResnetBlock2D resnet1;

    MidBlock(Names names, VaeConfig c, long channels) {
        this.names = names;
        int g = c.normNumGroups();
        resnet0 = new ResnetBlock2D(names.sub("resnets.0"), channels, channels, 0, g, 1e-6);
        if (c.midAttention()) {
            Names a = names.sub("attentions.0");
            attentionNames = a;
            norm = new GroupNorm(a.sub("group_norm"), g, channels, 1e-6);
            attention = new Attention(a, channels, channels, 1, true, false);
        } else {
            attentionNames = null;
            norm = null;
            attention = null;
        }
        resnet1 = new ResnetBlock2D(names.sub("resnets.1"), channels, channels, 0, g, 1e-6);
    }

    Tensor forward(Tensor x) {
        x = resnet0.forward(x);
        if (attention != null && norm != null && attentionNames != null) {
            long n = x.size(0);
            long c = x.size(1);
            long h = x.size(2);
            long w = x.size(3);
            Tensor tokens = norm.forward(x).permute(0, 2, 3, 1).reshape(n, h * w, c);
            Tensor y = attention.forward(tokens, tokens);
            x = attentionNames.tap(y.reshape(n, h, w, c).permute(0, 3, 1, 2).add(x));
        }
        return names.tap(resnet1.forward(x));
    }
}
