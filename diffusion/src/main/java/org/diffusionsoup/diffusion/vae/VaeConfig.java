package org.diffusionsoup.diffusion.vae;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * Shape of an {@link AutoencoderKL}, as diffusers' {@code vae/config.json} states it.
 *
 * @param inChannels channels of the pictures going in (3)
 * @param outChannels channels of the pictures coming out (3)
 * @param latentChannels channels of a latent
 * @param blockOutChannels channels per level, finest first
 * @param layersPerBlock ResNet blocks per encoder level; decoder levels have one more
 * @param normNumGroups groups of the group normalisations
 * @param scalingFactor what latents are multiplied by before diffusion, so that they have about
 *     unit variance; 1e-6 to 1e6
 * @param midAttention whether the middle block attends
 * @param useQuantConv whether a 1×1 convolution follows the encoder
 * @param usePostQuantConv whether a 1×1 convolution precedes the decoder
 * @param sampleSize height and width of the pictures trained on
 */
public record VaeConfig(
        int inChannels,
        int outChannels,
        int latentChannels,
        List<Integer> blockOutChannels,
        int layersPerBlock,
        int normNumGroups,
        double scalingFactor,
        boolean midAttention,
        boolean useQuantConv,
        boolean usePostQuantConv,
        int sampleSize) {

    public VaeConfig {
        if (blockOutChannels.isEmpty()) {
            throw new UnsupportedConfigException("an autoencoder needs block_out_channels");
        }
        Ranges.check("block_out_channels' length", blockOutChannels.size(), 1, 8);
        Ranges.check("in_channels", inChannels, 1, 64);
        Ranges.check("out_channels", outChannels, 1, 64);
        Ranges.check("latent_channels", latentChannels, 1, 1024);
        Ranges.check("block_out_channels", blockOutChannels, 1, Ranges.WIDTH);
        Ranges.check("layers_per_block", layersPerBlock, 1, 64);
        Ranges.check("norm_num_groups", normNumGroups, 1, Ranges.WIDTH);
        Ranges.check("scaling_factor", scalingFactor, 1e-6, 1e6);
        Ranges.check("sample_size", sampleSize, 1, Ranges.SIDE);
        for (int c : blockOutChannels) {
            Ranges.divides("block_out_channels", c, "norm_num_groups", normNumGroups);
        }
    }

    /** Reads diffusers' config, refusing options that would change the architecture. */
    public static VaeConfig of(JsonConfig c) {
        c.only("act_fn", "silu", "swish");
        c.only("shift_factor", 0, 0.0);
        c.only("latents_mean");
        c.only("latents_std");
        for (String t : c.texts("down_block_types", List.of())) {
            if (!t.equals("DownEncoderBlock2D")) {
                throw new UnsupportedConfigException("down block type " + t + " is not supported");
            }
        }
        for (String t : c.texts("up_block_types", List.of())) {
            if (!t.equals("UpDecoderBlock2D")) {
                throw new UnsupportedConfigException("up block type " + t + " is not supported");
            }
        }
        return c.checked(() ->
                new VaeConfig(
                        c.integer("in_channels", 3),
                        c.integer("out_channels", 3),
                        c.integer("latent_channels", 4),
                        c.integers("block_out_channels", 0, 0),
                        c.integer("layers_per_block", 1),
                        c.integer("norm_num_groups", 32),
                        c.number("scaling_factor", 0.18215),
                        c.flag("mid_block_add_attention", true),
                        c.flag("use_quant_conv", true),
                        c.flag("use_post_quant_conv", true),
                        c.side("sample_size", 32)));
    }

    /** The config in diffusers' format. */
    public ObjectNode toJson() {
        ObjectNode o = JsonConfig.object();
        o.put("_class_name", "AutoencoderKL");
        o.put("_diffusers_version", "0.31.0");
        o.put("act_fn", "silu");
        ArrayNode channels = o.putArray("block_out_channels");
        blockOutChannels.forEach(channels::add);
        ArrayNode down = o.putArray("down_block_types");
        ArrayNode up = o.putArray("up_block_types");
        for (int i = 0; i < blockOutChannels.size(); i++) {
            down.add("DownEncoderBlock2D");
            up.add("UpDecoderBlock2D");
        }
        o.put("in_channels", inChannels);
        o.put("latent_channels", latentChannels);
        o.put("layers_per_block", layersPerBlock);
        o.put("mid_block_add_attention", midAttention);
        o.put("norm_num_groups", normNumGroups);
        o.put("out_channels", outChannels);
        o.put("sample_size", sampleSize);
        o.put("scaling_factor", scalingFactor);
        o.put("use_post_quant_conv", usePostQuantConv);
        o.put("use_quant_conv", useQuantConv);
        return o;
    }

    /** The same shape with another scaling factor. */
    public VaeConfig withScalingFactor(double factor) {
        return new VaeConfig(
                inChannels,
                outChannels,
                latentChannels,
                blockOutChannels,
                layersPerBlock,
                normNumGroups,
                factor,
                midAttention,
                useQuantConv,
                usePostQuantConv,
                sampleSize);
    }

    /** How many picture pixels one latent position covers along each side. */
    public int downFactor() {
        return 1 << (blockOutChannels.size() - 1);
    }
}
