package org.diffusionsoup.core.convert;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.Architecture.Family;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.jspecify.annotations.Nullable;

/**
 * Configuration files of the published models, as far as shapes tell them: widths, layers and
 * contexts are read off the tensors; the rest (heads of 64, groups of 32) is what every published
 * model of the family has.
 */
final class Configs {
    private static final String VERSION = "0.31.0";

    private Configs() {}

    static Map<String, Object> modelIndex(Architecture architecture, String scheduler) {
        Map<String, Object> m = new LinkedHashMap<>();
        boolean xl = architecture.family() == Family.SDXL;
        m.put("_class_name", pipeline(architecture));
        m.put("_diffusers_version", VERSION);
        if (xl) {
            m.put("force_zeros_for_empty_prompt", true);
        } else {
            m.put("feature_extractor", Arrays.asList(null, null));
            m.put("requires_safety_checker", false);
            m.put("safety_checker", Arrays.asList(null, null));
        }
        m.put("scheduler", List.of("diffusers", scheduler));
        m.put("text_encoder", List.of("transformers", "CLIPTextModel"));
        m.put("tokenizer", List.of("transformers", "CLIPTokenizer"));
        if (xl) {
            m.put("text_encoder_2", List.of("transformers", "CLIPTextModelWithProjection"));
            m.put("tokenizer_2", List.of("transformers", "CLIPTokenizer"));
        }
        m.put("unet", List.of("diffusers", "UNet2DConditionModel"));
        m.put("vae", List.of("diffusers", "AutoencoderKL"));
        return m;
    }

    /** Class names of pipelines that take more than text. */
    private static String pipeline(Architecture a) {
        String xl = a.family() == Family.SDXL ? "XL" : "";
        return switch (a.task()) {
            case TEXT_TO_IMAGE -> "StableDiffusion" + xl + "Pipeline";
            case INPAINTING -> "StableDiffusion" + xl + "InpaintPipeline";
            case EDITING -> "StableDiffusion" + xl + "InstructPix2PixPipeline";
            case DEPTH -> "StableDiffusionDepth2ImgPipeline";
        };
    }

    /**
     * @param zeroSnr whether the noise schedule ends in pure noise, which PNDM cannot sample
     */
    static Map<String, Object> scheduler(
            Family family, PredictionType prediction, boolean zeroSnr) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put(
                "_class_name",
                prediction == PredictionType.SAMPLE // which PNDM cannot take, nor diffusers' Euler
                        ? "DDIMScheduler"
                        : switch (family) {
                            case SD1 -> zeroSnr ? "DDIMScheduler" : "PNDMScheduler";
                            case SD2 -> "DDIMScheduler";
                            case SDXL, SDXL_REFINER -> "EulerDiscreteScheduler";
                        });
        m.put("_diffusers_version", VERSION);
        m.put("beta_end", 0.012);
        m.put("beta_schedule", "scaled_linear");
        m.put("beta_start", 0.00085);
        m.put("clip_sample", false);
        m.put("num_train_timesteps", 1000);
        m.put("prediction_type", prediction.configName());
        m.put("set_alpha_to_one", false);
        m.put("skip_prk_steps", true);
        m.put("steps_offset", 1);
        if (family == Family.SDXL) {
            m.put("interpolation_type", "linear");
            m.put("sample_max_value", 1.0);
            m.put("timestep_spacing", "leading");
            m.put("use_karras_sigmas", false);
        }
        if (zeroSnr) {
            m.put("rescale_betas_zero_snr", true);
            m.put("timestep_spacing", "trailing");
        }
        m.put("trained_betas", null);
        return m;
    }

    static Map<String, Object> unet(Family family, PredictionType prediction, TensorSource unet) {
        Map<String, TensorInfo> t = unet.tensors();
        List<Long> widths = new ArrayList<>();
        List<Long> heads = new ArrayList<>();
        List<Long> transformers = new ArrayList<>();
        List<String> down = new ArrayList<>();
        List<String> up = new ArrayList<>();
        for (int b = 0; t.containsKey("down_blocks." + b + ".resnets.0.conv1.weight"); b++) {
            long width = dim(unet, "down_blocks." + b + ".resnets.0.conv1.weight", 0);
            widths.add(width);
            heads.add(Math.max(1, width / 64));
            long depth =
                    count(
                            t,
                            "down_blocks." + b + ".attentions.0.transformer_blocks.",
                            ".norm1.bias");
            transformers.add(Math.max(1, depth));
            down.add(depth > 0 ? "CrossAttnDownBlock2D" : "DownBlock2D");
            up.add(depth > 0 ? "CrossAttnUpBlock2D" : "UpBlock2D");
        }
        Collections.reverse(up);
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("_class_name", "UNet2DConditionModel");
        m.put("_diffusers_version", VERSION);
        m.put("act_fn", "silu");
        m.put("attention_head_dim", family == Family.SD1 ? 8L : heads);
        m.put("block_out_channels", widths);
        m.put("center_input_sample", false);
        m.put("cross_attention_dim", textWidth(unet));
        m.put("down_block_types", down);
        m.put("downsample_padding", 1L);
        m.put("flip_sin_to_cos", true);
        m.put("freq_shift", 0L);
        m.put("in_channels", dim(unet, "conv_in.weight", 1));
        m.put("layers_per_block", count(t, "down_blocks.0.resnets.", ".norm1.weight"));
        m.put("mid_block_scale_factor", 1L);
        if (!t.containsKey("mid_block.resnets.0.conv1.weight")) {
            m.put("mid_block_type", null); // as BK-SDM-Tiny has it
        }
        m.put("norm_eps", 1e-5);
        m.put("norm_num_groups", groups(widths));
        m.put("out_channels", dim(unet, "conv_out.weight", 0));
        m.put("sample_size", sampleSize(family, prediction) / 8);
        m.put("up_block_types", up);
        if (family != Family.SD1) {
            m.put("use_linear_projection", true);
        }
        if (family == Family.SD2) {
            m.put("upcast_attention", true);
        }
        if (family == Family.SDXL) {
            m.put("addition_embed_type", "text_time");
            m.put("addition_time_embed_dim", 256L);
            m.put(
                    "projection_class_embeddings_input_dim",
                    dim(unet, "add_embedding.linear_1.weight", 1));
            m.put("transformer_layers_per_block", transformers);
        }
        return m;
    }

    /** The width of what the first attention to the text, anywhere, takes its keys from. */
    private static long textWidth(TensorSource unet) {
        String keys = ".attentions.0.transformer_blocks.0.attn2.to_k.weight";
        String name =
                unet.tensors().keySet().stream()
                        .filter(n -> n.endsWith(keys))
                        .findFirst()
                        .orElse("mid_block" + keys);
        return dim(unet, name, 1);
    }

    static Map<String, Object> vae(Family family, PredictionType prediction, TensorSource vae) {
        Map<String, TensorInfo> t = vae.tensors();
        List<Long> widths = new ArrayList<>();
        for (int b = 0;
                t.containsKey("encoder.down_blocks." + b + ".resnets.0.conv1.weight");
                b++) {
            widths.add(dim(vae, "encoder.down_blocks." + b + ".resnets.0.conv1.weight", 0));
        }
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("_class_name", "AutoencoderKL");
        m.put("_diffusers_version", VERSION);
        m.put("act_fn", "silu");
        m.put("block_out_channels", widths);
        m.put("down_block_types", Collections.nCopies(widths.size(), "DownEncoderBlock2D"));
        if (family == Family.SDXL) {
            m.put("force_upcast", true);
        }
        m.put("in_channels", dim(vae, "encoder.conv_in.weight", 1));
        m.put("latent_channels", dim(vae, "decoder.conv_in.weight", 1));
        m.put("layers_per_block", count(t, "encoder.down_blocks.0.resnets.", ".norm1.weight"));
        m.put("norm_num_groups", groups(widths));
        m.put("out_channels", dim(vae, "decoder.conv_out.weight", 0));
        m.put("sample_size", sampleSize(family, prediction));
        m.put("scaling_factor", family == Family.SDXL ? 0.13025 : 0.18215);
        m.put("up_block_types", Collections.nCopies(widths.size(), "UpDecoderBlock2D"));
        return m;
    }

    /**
     * A text encoder's.
     *
     * @param open whether it was trained by OpenCLIP, with exact GELU
     */
    static Map<String, Object> text(boolean open, TensorSource text) {
        long width = dim(text, "text_model.embeddings.token_embedding.weight", 1);
        boolean projected = text.tensors().containsKey("text_projection.weight");
        Map<String, Object> m = new LinkedHashMap<>();
        m.put(
                "architectures",
                List.of(projected ? "CLIPTextModelWithProjection" : "CLIPTextModel"));
        m.put("attention_dropout", 0.0);
        m.put("bos_token_id", 0L);
        m.put("dropout", 0.0);
        m.put("eos_token_id", 2L); // the legacy value of the published files: see reference
        m.put("hidden_act", open ? "gelu" : "quick_gelu");
        m.put("hidden_size", width);
        m.put("initializer_factor", 1.0);
        m.put("initializer_range", 0.02);
        m.put("intermediate_size", dim(text, "text_model.encoder.layers.0.mlp.fc1.weight", 0));
        m.put("layer_norm_eps", 1e-5);
        m.put(
                "max_position_embeddings",
                dim(text, "text_model.embeddings.position_embedding.weight", 0));
        m.put("model_type", "clip_text_model");
        m.put("num_attention_heads", Math.max(1, width / 64));
        m.put(
                "num_hidden_layers",
                count(text.tensors(), "text_model.encoder.layers.", ".layer_norm1.weight"));
        m.put("pad_token_id", 1L);
        m.put(
                "projection_dim",
                projected ? dim(text, "text_projection.weight", 0) : open ? 512L : width);
        m.put("vocab_size", dim(text, "text_model.embeddings.token_embedding.weight", 0));
        return m;
    }

    /** 32 in every published model; what divides all widths where they are smaller. */
    private static long groups(List<Long> widths) {
        BigInteger common =
                widths.stream().map(BigInteger::valueOf).reduce(BigInteger.ZERO, BigInteger::gcd);
        return common.longValueExact() % 32 == 0 ? 32 : common.longValueExact();
    }

    private static long sampleSize(Family family, PredictionType prediction) {
        return switch (family) {
            case SD1 -> 512;
            case SD2 -> prediction == PredictionType.V_PREDICTION ? 768 : 512;
            case SDXL, SDXL_REFINER -> 1024;
        };
    }

    private static long count(Map<String, TensorInfo> tensors, String before, String after) {
        long n = 0;
        while (tensors.containsKey(before + n + after)) {
            n++;
        }
        return n;
    }

    private static long dim(TensorSource source, String name, int axis) {
        TensorInfo info = source.tensor(name);
        if (info.shape().length <= axis) {
            throw new SoupException(
                    "Tensor '"
                            + name
                            + "' in "
                            + source.path()
                            + " has too few dimensions: "
                            + info
                            + ".");
        }
        return info.shape()[axis];
    }

    /** {@link #json} as bytes. */
    static byte[] utf8(Map<String, Object> value) {
        return json(value).getBytes(StandardCharsets.UTF_8);
    }

    /** Indented JSON with a final line break. */
    static String json(Map<String, Object> value) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            write(g, value);
        } catch (IOException e) {
            throw new SoupException("Cannot write a configuration as JSON.", e);
        }
        return text + "\n";
    }

    private static void write(JsonGenerator g, @Nullable Object value) throws IOException {
        switch (value) {
            case null -> g.writeNull();
            case String s -> g.writeString(s);
            case Boolean b -> g.writeBoolean(b);
            case Long n -> g.writeNumber(n);
            case Integer n -> g.writeNumber(n);
            case Double d -> g.writeNumber(d);
            case List<?> items -> {
                g.writeStartArray();
                for (Object item : items) {
                    write(g, item);
                }
                g.writeEndArray();
            }
            case Map<?, ?> fields -> {
                g.writeStartObject();
                for (Map.Entry<?, ?> e : fields.entrySet()) {
                    g.writeFieldName(String.valueOf(e.getKey()));
                    write(g, e.getValue());
                }
                g.writeEndObject();
            }
            default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
        }
    }
}
