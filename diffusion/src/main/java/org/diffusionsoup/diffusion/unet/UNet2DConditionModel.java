package org.diffusionsoup.diffusion.unet;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.GroupNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.TimestepEmbedding;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Recomputation;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The denoiser ε_w(x_t, t, y) of the paper (Section 3): diffusers' {@code UNet2DConditionModel} as
 * Stable Diffusion 1.x, 2.x and XL configure it, with the same parameter names.
 */
public final class UNet2DConditionModel {
    private final UNetConfig config;
    private final Parameters parameters;
    private final Names root;
    private final Conv2d convIn;
    private final Linear time1;
    private final Linear time2;
    private final @Nullable Linear add1;
    private final @Nullable Linear add2;
    private final List<UNetBlock> downBlocks = new ArrayList<>();
    private final @Nullable MidBlock midBlock;
    private final List<UNetBlock> upBlocks = new ArrayList<>();
    private final GroupNorm convNormOut;
    private final Conv2d convOut;

    /** Builds the model and allocates its weights, uninitialised. */
    public UNet2DConditionModel(UNetConfig c) {
        this(c, WeightFormat.F32);
    }

    /** The same with weights held in another format than float32. */
    public UNet2DConditionModel(UNetConfig c, WeightFormat weights) {
        this(c, Names.root());
        parameters.allocate(weights);
    }

    /** The names and shapes of its weights, for which no memory is taken. */
    public static Parameters declared(UNetConfig c) {
        return new UNet2DConditionModel(c, Names.root()).parameters;
    }

    private UNet2DConditionModel(UNetConfig c, Names names) {
        config = c;
        root = names;
        parameters = root.parameters();
        int n = c.blockOutChannels().size();
        long first = c.blockOutChannels().getFirst();
        long temb = 4 * first;
        convIn = new Conv2d(root.sub("conv_in"), c.inChannels(), first, 3, 1, 1);
        time1 = new Linear(root.sub("time_embedding.linear_1"), first, temb, true);
        time2 = new Linear(root.sub("time_embedding.linear_2"), temb, temb, true);
        boolean added = c.additionTimeEmbedDim() > 0;
        long addIn = c.projectionClassEmbeddingsInputDim();
        add1 = added ? new Linear(root.sub("add_embedding.linear_1"), addIn, temb, true) : null;
        add2 = added ? new Linear(root.sub("add_embedding.linear_2"), temb, temb, true) : null;
        long in = first;
        for (int i = 0; i < n; i++) {
            downBlocks.add(UNetBlock.down(root.sub("down_blocks", i), c, i, in, temb));
            in = c.blockOutChannels().get(i);
        }
        midBlock = c.midBlock() ? MidBlock.of(root.sub("mid_block"), c, temb) : null;
        for (int i = 0; i < n; i++) {
            upBlocks.add(UNetBlock.up(root.sub("up_blocks", i), c, i, temb));
        }
        convNormOut =
                new GroupNorm(root.sub("conv_norm_out"), c.normNumGroups(), first, c.normEps());
        convOut = new Conv2d(root.sub("conv_out"), first, c.outChannels(), 3, 1, 1);
    }

    public UNetConfig config() {
        return config;
    }

    public Parameters parameters() {
        return parameters;
    }

    /**
     * Predicts what the scheduler's prediction type asks for (noise, or velocity).
     *
     * @param sample latents (N, inChannels, H, W)
     * @param timesteps one per row (N), or a single one for all (1); float32, 0 to 999
     * @param text text embedding (N, tokens, crossAttentionDim)
     * @return (N, outChannels, H, W)
     */
    public Tensor forward(Tensor sample, Tensor timesteps, Tensor text) {
        if (add1 != null) {
            throw new IllegalArgumentException(
                    "this UNet needs added conditions (SDXL); call the forward that takes them");
        }
        return run(sample, timesteps, text, null, null);
    }

    /**
     * As above for SDXL.
     *
     * @param pooledText the second text encoder's projected embedding (N, D)
     * @param timeIds original size, crop and target size (N, 6)
     */
    public Tensor forward(
            Tensor sample, Tensor timesteps, Tensor text, Tensor pooledText, Tensor timeIds) {
        return run(sample, timesteps, text, pooledText, timeIds);
    }

    private Tensor run(
            Tensor sample,
            Tensor timesteps,
            Tensor text,
            @Nullable Tensor pooledText,
            @Nullable Tensor timeIds) {
        long n = sample.size(0);
        Tensor t = timesteps.toFloat();
        if (t.size(0) != n) {
            t = t.expand(n);
        }
        Tensor proj = root.tap("time_proj", sinusoid(t, config.blockOutChannels().getFirst()));
        Tensor temb =
                root.tap("time_embedding", time2.forward(Functional.silu(time1.forward(proj))));
        if (add1 != null && add2 != null && pooledText != null && timeIds != null) {
            Tensor ids = timeIds.toFloat().reshape(-1);
            Tensor sizes = sinusoid(ids, config.additionTimeEmbedDim()).reshape(n, -1);
            Tensor joined = Tensor.cat(List.of(pooledText, sizes), -1);
            Tensor added = root.tap("add_embedding.input", joined);
            Tensor aemb = add2.forward(Functional.silu(add1.forward(added)));
            temb = temb.add(root.tap("add_embedding", aemb));
        }
        Tensor act = Functional.silu(temb); // every ResNet block starts from SiLU(temb)

        Tensor x = convIn.forward(sample.channelsLast());
        ArrayDeque<Tensor> skips = new ArrayDeque<>();
        skips.push(x);
        for (UNetBlock b : downBlocks) {
            x = b.down(x, act, text, skips);
        }
        if (midBlock != null) {
            x = midBlock.forward(x, act, text);
        }
        for (UNetBlock b : upBlocks) {
            x = b.up(x, act, text, skips);
        }
        return convOut.forward(Functional.silu(convNormOut.forward(x)));
    }

    /** diffusers' {@code UNetMidBlock2DCrossAttn}. */
    private record MidBlock(
            Names names,
            ResnetBlock2D resnet0,
            Transformer2DModel attention,
            ResnetBlock2D resnet1) {
        static MidBlock of(Names names, UNetConfig c, long temb) {
            long width = c.blockOutChannels().getLast();
            int groups = c.normNumGroups();
            double eps = c.normEps();
            return new MidBlock(
                    names,
                    new ResnetBlock2D(names.sub("resnets.0"), width, width, temb, groups, eps),
                    new Transformer2DModel(
                            names.sub("attentions.0"),
                            c,
                            width,
                            c.heads().getLast(),
                            c.transformerLayers().getLast()),
                    new ResnetBlock2D(names.sub("resnets.1"), width, width, temb, groups, eps));
        }

        Tensor forward(Tensor x, Tensor temb, Tensor text) {
            Tensor first = Recomputation.segment(resnet0::forward, x, temb);
            Tensor attended = attention.forward(first, text);
            return names.tap(Recomputation.segment(resnet1::forward, attended, temb));
        }
    }

    private Tensor sinusoid(Tensor t, long dim) {
        return TimestepEmbedding.sinusoid(t, dim, config.flipSinToCos(), config.freqShift());
    }
}
