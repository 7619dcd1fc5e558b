package org.diffusionsoup.core.checkpoint;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonNull;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * What a configuration means where it says nothing: the default arguments of the classes of
 * diffusers 0.31 and transformers 4.46. Newer versions write fields that older ones did not know,
 * at their default; the model is the same.
 */
final class ConfigDefaults {
    private static final String UNET =
            """
            {"sample_size": null, "in_channels": 4, "out_channels": 4, "center_input_sample": false,
             "flip_sin_to_cos": true, "freq_shift": 0, "mid_block_type": "UNetMidBlock2DCrossAttn",
             "only_cross_attention": false, "layers_per_block": 2, "downsample_padding": 1,
             "mid_block_scale_factor": 1, "dropout": 0, "act_fn": "silu", "norm_num_groups": 32,
             "norm_eps": 0.00001, "cross_attention_dim": 1280, "transformer_layers_per_block": 1,
             "attention_head_dim": 8, "dual_cross_attention": false, "use_linear_projection": false,
             "upcast_attention": false, "resnet_time_scale_shift": "default",
             "resnet_skip_time_act": false, "resnet_out_scale_factor": 1,
             "time_embedding_type": "positional", "conv_in_kernel": 3, "conv_out_kernel": 3,
             "attention_type": "default", "class_embeddings_concat": false,
             "addition_embed_type_num_heads": 64, "block_out_channels": [320, 640, 1280, 1280],
             "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                  "CrossAttnDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                                "CrossAttnUpBlock2D"]}
            """;

    private static final String VAE =
            """
            {"in_channels": 3, "out_channels": 3, "down_block_types": ["DownEncoderBlock2D"],
             "up_block_types": ["UpDecoderBlock2D"], "block_out_channels": [64],
             "layers_per_block": 1, "act_fn": "silu", "latent_channels": 4, "norm_num_groups": 32,
             "sample_size": 32, "scaling_factor": 0.18215, "force_upcast": true,
             "use_quant_conv": true, "use_post_quant_conv": true, "mid_block_add_attention": true}
            """;

    private static final String TEXT =
            """
            {"vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048,
             "projection_dim": 512, "num_hidden_layers": 12, "num_attention_heads": 8,
             "max_position_embeddings": 77, "hidden_act": "quick_gelu", "layer_norm_eps": 0.00001,
             "attention_dropout": 0, "dropout": 0, "initializer_range": 0.02,
             "initializer_factor": 1, "pad_token_id": 1}
            """;

    private static final String SCHEDULER =
            """
            {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02,
             "beta_schedule": "linear", "prediction_type": "epsilon", "thresholding": false,
             "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1, "sample_max_value": 1,
             "rescale_betas_zero_snr": false, "steps_offset": 0, "skip_prk_steps": false,
             "interpolation_type": "linear", "use_karras_sigmas": false,
             "use_exponential_sigmas": false, "use_beta_sigmas": false,
             "timestep_type": "discrete", "final_sigmas_type": "zero", "solver_order": 2,
             "algorithm_type": "dpmsolver++", "lower_order_final": true, "euler_at_final": false,
             "use_lu_lambdas": false, "use_flow_sigmas": false, "flow_shift": 1}
            """;

    /** Of those whose default differs between schedulers. */
    private static final String LEADING = "{\"timestep_spacing\": \"leading\"}";

    private static final String LINSPACE = "{\"timestep_spacing\": \"linspace\"}";

    private static final Set<String> LEADING_SCHEDULERS =
            Set.of("DDIMScheduler", "DDPMScheduler", "PNDMScheduler");

    private static final String INDEX = "{\"force_zeros_for_empty_prompt\": true}";

    private ConfigDefaults() {}

    /** Whether null is a value of a field's own, which the default does not take the place of. */
    static boolean meansNull(String field) {
        return field.equals("mid_block_type");
    }

    /**
     * The default of a field.
     *
     * @param file path relative to the pipeline's folder, which tells the kind of configuration
     * @param config where it is absent or null
     */
    static JsonValue of(String file, JsonObject config, String field) {
        if (file.equals(DiffusersFolder.INDEX)) {
            return in(INDEX, field);
        }
        String type = config.string("_class_name").orElse("");
        if (type.equals("UNet2DConditionModel")) {
            return in(UNET, field);
        }
        if (type.equals("AutoencoderKL")) {
            return in(VAE, field);
        }
        if (config.string("model_type").orElse("").equals("clip_text_model")) {
            return in(TEXT, field);
        }
        if (!type.endsWith("Scheduler")) {
            return new JsonNull();
        }
        boolean leading = LEADING_SCHEDULERS.contains(type);
        JsonValue own = in(leading ? LEADING : LINSPACE, field);
        return own instanceof JsonNull ? in(SCHEDULER, field) : own;
    }

    private static JsonValue in(String table, String field) {
        JsonValue value =
                JsonValue.readObject(table.getBytes(StandardCharsets.UTF_8), "the defaults")
                        .fields()
                        .get(field);
        return value == null ? new JsonNull() : value;
    }
}
