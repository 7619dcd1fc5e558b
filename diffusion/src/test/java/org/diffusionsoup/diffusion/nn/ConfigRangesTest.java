package org.diffusionsoup.diffusion.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.blip.MedConfig;
import org.diffusionsoup.diffusion.blip.VitConfig;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipVisionConfig;
import org.diffusionsoup.diffusion.image.PreprocessorConfig;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.TokenizerException;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every number outside of its range is refused by file, field and value before it is used. */
class ConfigRangesTest {
    @TempDir private Path dir;

    private static final String UNET =
            "'block_out_channels':[32,64],'norm_num_groups':8,"
                    + "'down_block_types':['CrossAttnDownBlock2D','DownBlock2D'],"
                    + "'up_block_types':['UpBlock2D','CrossAttnUpBlock2D']";
    private static final String VAE = "'block_out_channels':[32,32]";
    private static final String SCHEDULER = "'_class_name':'DPMSolverMultistepScheduler'";

    private Object read(String kind, String field, String value) throws IOException {
        String begin =
                switch (kind) {
                    case "unet" -> UNET;
                    case "vae" -> VAE;
                    case "scheduler" -> SCHEDULER;
                    default -> "'x':0";
                };
        // A field that stands twice has its last value.
        String added = field.isEmpty() ? "" : ",'" + field + "':" + value;
        Path file = dir.resolve(kind + ".json");
        Files.writeString(file, ("{" + begin + added + "}").replace('\'', '"'));
        JsonConfig c = JsonConfig.read(file);
        return switch (kind) {
            case "unet" -> UNetConfig.of(c);
            case "vae" -> VaeConfig.of(c);
            case "text" -> ClipTextConfig.of(c);
            case "vision" -> ClipVisionConfig.of(c);
            case "clip" -> ClipModel.Config.of(c);
            case "med" -> MedConfig.of(c);
            case "vit" -> VitConfig.of(c);
            case "scheduler" -> SchedulerConfig.of(c).scheduler(5);
            default -> PreprocessorConfig.read(file);
        };
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    unet|in_channels|0
                    unet|out_channels|-4
                    unet|block_out_channels|[32,-64]
                    unet|block_out_channels|[32,2147483647]
                    unet|layers_per_block|1000000
                    unet|attention_head_dim|0
                    unet|attention_head_dim|7
                    unet|transformer_layers_per_block|-1
                    unet|cross_attention_dim|0
                    unet|norm_num_groups|0
                    unet|norm_eps|0
                    unet|norm_eps|-1e-5
                    unet|freq_shift|1e300
                    unet|freq_shift|-1
                    unet|sample_size|1e9
                    unet|sample_size|[16,24]
                    unet|in_channels|4.5
                    unet|in_channels|"4"
                    unet|in_channels|99999999999
                    unet|flip_sin_to_cos|"yes"
                    vae|scaling_factor|0
                    vae|scaling_factor|-1
                    vae|scaling_factor|1e300
                    vae|scaling_factor|NaN
                    vae|latent_channels|0
                    vae|block_out_channels|[]
                    vae|norm_num_groups|5
                    text|vocab_size|0
                    text|hidden_size|1000000
                    text|num_attention_heads|7
                    text|max_position_embeddings|-77
                    text|layer_norm_eps|0
                    text|eos_token_id|-1
                    vision|patch_size|0
                    vision|image_size|1000000
                    vision|patch_size|512
                    clip|projection_dim|0
                    clip|logit_scale_init_value|Infinity
                    med|num_hidden_layers|0
                    med|vocab_size|2000000000
                    vit|mlp_ratio|0
                    vit|depth|100000
                    vit|img_size|225
                    scheduler|beta_end|5
                    scheduler|beta_start|0
                    scheduler|beta_start|0.5
                    scheduler|num_train_timesteps|0
                    scheduler|num_train_timesteps|2000000000
                    scheduler|trained_betas|[]
                    scheduler|trained_betas|[0.1,1.5]
                    scheduler|trained_betas|"x"
                    scheduler|steps_offset|-1
                    scheduler|steps_offset|100000
                    scheduler|solver_order|0
                    scheduler|clip_sample_range|0
                    scheduler|sigma_min|-1
                    scheduler|timestep_spacing|7
                    preprocessor|image_std|[0.2,0,0.2]
                    preprocessor|image_mean|[0.2]
                    preprocessor|crop_size|0
                    preprocessor|rescale_factor|0
                    preprocessor|do_resize|"no"
                    """)
    void isRefusedByName(String kind, String field, String value) throws IOException {
        assertThat(read(kind, "", "")).as("whole").isNotNull();
        assertThatThrownBy(() -> read(kind, field, value))
                .isInstanceOf(UnsupportedConfigException.class)
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith(dir.resolve(kind + ".json").toString())
                .hasMessageContaining(
                        switch (field) {
                            case "img_size" -> "225";
                            case "patch_size" -> "patch_size";
                            default -> field;
                        })
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    @Test
    void aSquareMayBeAPair() throws IOException {
        assertThat(read("unet", "sample_size", "[16,16]"))
                .isEqualTo(read("unet", "sample_size", "16"));
        assertThat(read("vae", "sample_size", "[64,64]"))
                .isEqualTo(read("vae", "sample_size", "64"));
    }

    /** What Python writes for "no limit", which is no JSON. */
    @Test
    void minusInfinityIsReadWhereItMeansNoLimit() throws IOException {
        assertThat(read("scheduler", "lambda_min_clipped", "-Infinity")).isNotNull();
        assertThatThrownBy(() -> read("scheduler", "lambda_min_clipped", "NaN"))
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageContaining("lambda_min_clipped");
    }

    private void tokenizer(String merges) throws IOException {
        Files.writeString(
                dir.resolve("vocab.json"),
                "{\"c\":0,\"a\":1,\"t</w>\":2,\"ca\":3,\"cat</w>\":4,\"<|endoftext|>\":5}");
        Files.writeString(dir.resolve("merges.txt"), "#version: 0.2\n" + merges);
        ClipTokenizer.load(dir);
    }

    @Test
    void mergesThatAreNotTheVocabulariesAreRefused() throws IOException {
        tokenizer("c a\nca t</w>\n");
        for (String[] bad :
                new String[][] {
                    {"", "holds 0 merges"},
                    {"ca t</w>\nc a\n", "not in the order"},
                    {"c a\na t</w>\n", "has no token \"at</w>\""}
                }) {
            assertThatThrownBy(() -> tokenizer(bad[0]))
                    .isInstanceOf(TokenizerException.class)
                    .hasMessageContaining(dir.resolve("merges.txt").toString())
                    .hasMessageContaining(bad[1]);
        }
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"model_max_length\": 0}");
        assertThatThrownBy(() -> tokenizer("c a\nca t</w>\n"))
                .hasMessageContaining("model_max_length is 0, it must be 2 to 65536");
    }

    /** Every value is in its range, and all of them together are more than any machine holds. */
    @Test
    void aModelBeyondTheMachinesMemoryIsRefusedBeforeItIsMade() throws IOException {
        Files.writeString(
                dir.resolve("config.json"),
                """
                {"hidden_size": 16384, "intermediate_size": 65536, "num_hidden_layers": 256,
                 "num_attention_heads": 64, "vocab_size": 49408}
                """);
        assertThatThrownBy(() -> StableDiffusion.textEncoder(dir))
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageStartingWith(dir.resolve("config.json") + ": ")
                .hasMessageContaining("GB of memory");
    }
}
