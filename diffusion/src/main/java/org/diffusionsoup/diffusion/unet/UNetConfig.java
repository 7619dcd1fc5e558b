package org.diffusionsoup.diffusion.unet;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * Shape of a {@link UNet2DConditionModel}, as diffusers' {@code unet/config.json} states it.
 *
 * <p>Ranges are those that the constructor checks: widths 1 to 16384, at most 16 levels of 1 to 64
 * layers, 1 to 1024 heads that divide their level's channels, {@code freq_shift} 0 to 1.
 *
 * @param sampleSize height and width of the latents the model was trained on
 * @param inChannels channels of the latents going in
 * @param outChannels channels of the prediction
 * @param downBlockTypes {@code DownBlock2D} or {@code CrossAttnDownBlock2D} per level
 * @param upBlockTypes {@code UpBlock2D} or {@code CrossAttnUpBlock2D} per level, deepest first
 * @param blockOutChannels channels per level
 * @param layersPerBlock ResNet blocks per down level; up levels have one more
 * @param heads number of attention heads per down level (diffusers calls it {@code
 *     attention_head_dim}, a historic misnomer)
 * @param transformerLayers transformer blocks per attention, per down level
 * @param crossAttentionDim width of the text embedding
 * @param useLinearProjection whether a transformer's projections are linear (SD 2) or 1×1
 *     convolutions (SD 1)
 * @param upcastAttention whether attention is computed in float32 whatever the model's dtype
 * @param normNumGroups groups of the group normalisations
 * @param normEps epsilon of the ResNet blocks' normalisations
 * @param flipSinToCos whether the timestep embedding puts cosines first
 * @param freqShift shift in the timestep embedding's frequency denominator
 * @param additionTimeEmbedDim width of each embedded size number of SDXL, 0 when there is none
 * @param projectionClassEmbeddingsInputDim width of SDXL's added embedding input, 0 for none
 * @param midBlock whether there is a {@code UNetMidBlock2DCrossAttn} between the down and the up
 *     blocks; distilled models such as BK-SDM-Tiny have none ({@code mid_block_type} null)
 */
public record UNetConfig(
        int sampleSize,
        int inChannels,
        int outChannels,
        List<String> downBlockTypes,
        List<String> upBlockTypes,
        List<Integer> blockOutChannels,
        int layersPerBlock,
        List<Integer> heads,
        List<Integer> transformerLayers,
        int crossAttentionDim,
        boolean useLinearProjection,
        boolean upcastAttention,
        int normNumGroups,
        double normEps,
        boolean flipSinToCos,
        double freqShift,
        int additionTimeEmbedDim,
        int projectionClassEmbeddingsInputDim,
        boolean midBlock) {

    private static final Set<String> DOWN = Set.of("DownBlock2D", "CrossAttnDownBlock2D");
    private static final Set<String> UP = Set.of("UpBlock2D", "CrossAttnUpBlock2D");

    public UNetConfig {
        int n = blockOutChannels.size();
        if (n == 0
                || downBlockTypes.size() != n
                || upBlockTypes.size() != n
                || heads.size() != n
                || transformerLayers.size() != n) {
            throw new UnsupportedConfigException(
                    "a UNet needs as many down blocks, up blocks, heads and transformer layers as"
                            + " block_out_channels ("
                            + n
                            + ")");
        }
        for (String t : downBlockTypes) {
            if (!DOWN.contains(t)) {
                throw new UnsupportedConfigException("down block type " + t + " is not supported");
            }
        }
        for (String t : upBlockTypes) {
            if (!UP.contains(t)) {
                throw new UnsupportedConfigException("up block type " + t + " is not supported");
            }
        }
        Ranges.check("block_out_channels' length", n, 1, 16);
        Ranges.check("sample_size", sampleSize, 0, Ranges.SIDE);
        Ranges.check("in_channels", inChannels, 1, 1024);
        Ranges.check("out_channels", outChannels, 1, 1024);
        Ranges.check("block_out_channels", blockOutChannels, 2, Ranges.WIDTH);
        Ranges.check("layers_per_block", layersPerBlock, 1, 64);
        Ranges.check("attention_head_dim", heads, 1, 1024);
        Ranges.check("transformer_layers_per_block", transformerLayers, 0, 64);
        Ranges.check("cross_attention_dim", crossAttentionDim, 1, Ranges.WIDTH);
        Ranges.check("norm_num_groups", normNumGroups, 1, Ranges.WIDTH);
        Ranges.epsilon("norm_eps", normEps);
        Ranges.check("freq_shift", freqShift, 0, 1);
        Ranges.check("addition_time_embed_dim", additionTimeEmbedDim, 0, Ranges.WIDTH);
        Ranges.check(
                "projection_class_embeddings_input_dim",
                projectionClassEmbeddingsInputDim,
                0,
                Ranges.TOKENS);
        for (int i = 0; i < n; i++) {
            int channels = blockOutChannels.get(i);
            Ranges.divides("block_out_channels", channels, "norm_num_groups", normNumGroups);
            if (downBlockTypes.get(i).startsWith("CrossAttn")
                    || upBlockTypes.get(n - 1 - i).startsWith("CrossAttn")
                    || (midBlock && i == n - 1)) {
                Ranges.divides("block_out_channels", channels, "attention_head_dim", heads.get(i));
            }
        }
    }

    /** Reads diffusers' config, refusing options that would change the architecture. */
    public static UNetConfig of(JsonConfig c) {
        c.only("act_fn", "silu", "swish");
        c.only("addition_embed_type", "text_time");
        c.only("class_embed_type");
        c.only("num_class_embeds");
        c.only("encoder_hid_dim");
        c.only("encoder_hid_dim_type");
        c.only("time_cond_proj_dim");
        c.only("time_embedding_type", "positional");
        c.only("time_embedding_dim");
        c.only("time_embedding_act_fn");
        c.only("timestep_post_act");
        c.only("resnet_time_scale_shift", "default");
        c.only("resnet_skip_time_act", false);
        c.only("resnet_out_scale_factor", 1.0, 1);
        c.only("dual_cross_attention", false);
        c.only("only_cross_attention", false);
        c.only("mid_block_only_cross_attention", false);
        c.only("mid_block_type", "UNetMidBlock2DCrossAttn");
        c.only("mid_block_scale_factor", 1, 1.0);
        c.only("center_input_sample", false);
        c.only("conv_in_kernel", 3);
        c.only("conv_out_kernel", 3);
        c.only("downsample_padding", 1);
        c.only("attention_type", "default");
        c.only("cross_attention_norm");
        c.only("reverse_transformer_layers_per_block");
        List<Integer> channels = c.integers("block_out_channels", 0, 0);
        int n = channels.size();
        String heads = c.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
        boolean textTime = c.has("addition_embed_type");
        return c.checked(() ->
                new UNetConfig(
                        c.side("sample_size", 0),
                        c.integer("in_channels", 4),
                        c.integer("out_channels", 4),
                        c.texts("down_block_types", List.of()),
                        c.texts("up_block_types", List.of()),
                        channels,
                        c.integer("layers_per_block", 2),
                        c.integers(heads, n, 8),
                        c.integers("transformer_layers_per_block", n, 1),
                        c.integer("cross_attention_dim", 1280),
                        c.flag("use_linear_projection", false),
                        c.flag("upcast_attention", false),
                        c.integer("norm_num_groups", 32),
                        c.number("norm_eps", 1e-5),
                        c.flag("flip_sin_to_cos", true),
                        c.number("freq_shift", 0),
                        textTime ? c.integer("addition_time_embed_dim", 256) : 0,
                        textTime ? c.integer("projection_class_embeddings_input_dim", 2816) : 0,
                        // A field that is left out has its default; null is said by who means it.
                        !c.node().path("mid_block_type").isNull()));
    }

    /** The config in diffusers' format. */
    public ObjectNode toJson() {
        ObjectNode o = JsonConfig.object();
        o.put("_class_name", "UNet2DConditionModel");
        o.put("_diffusers_version", "0.31.0");
        o.put("act_fn", "silu");
        if (additionTimeEmbedDim > 0) {
            o.put("addition_embed_type", "text_time");
            o.put("addition_time_embed_dim", additionTimeEmbedDim);
            o.put("projection_class_embeddings_input_dim", projectionClassEmbeddingsInputDim);
        }
        fill(o.putArray("attention_head_dim"), heads);
        fill(o.putArray("block_out_channels"), blockOutChannels);
        o.put("center_input_sample", false);
        o.put("cross_attention_dim", crossAttentionDim);
        ArrayNode down = o.putArray("down_block_types");
        downBlockTypes.forEach(down::add);
        o.put("downsample_padding", 1);
        o.put("flip_sin_to_cos", flipSinToCos);
        o.put("freq_shift", freqShift);
        o.put("in_channels", inChannels);
        o.put("layers_per_block", layersPerBlock);
        o.put("mid_block_scale_factor", 1);
        if (!midBlock) {
            o.putNull("mid_block_type");
        }
        o.put("norm_eps", normEps);
        o.put("norm_num_groups", normNumGroups);
        o.put("out_channels", outChannels);
        o.put("sample_size", sampleSize);
        fill(o.putArray("transformer_layers_per_block"), transformerLayers);
        ArrayNode up = o.putArray("up_block_types");
        upBlockTypes.forEach(up::add);
        o.put("upcast_attention", upcastAttention);
        o.put("use_linear_projection", useLinearProjection);
        return o;
    }

    private static void fill(ArrayNode a, List<Integer> values) {
        values.forEach(a::add);
    }
}
