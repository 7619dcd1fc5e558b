package org.diffusionsoup.diffusion.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Configurations as published models have them, and ones that do not belong together. */
class ComponentFitTest {
    private static final Path REFERENCE =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolve("src/test/resources/reference/pipelines");

    private static final String XL_UNET =
            "\"addition_embed_type\": \"text_time\", \"addition_time_embed_dim\": 256, ";

    @TempDir private Path folder;

    private Path model(String kind, String more, String... parts) throws IOException {
        Files.writeString(
                folder.resolve("model_index.json"),
                "{\"_class_name\": \"%s\"%s}".formatted(kind, more));
        for (int i = 0; i < parts.length; i += 2) {
            Path part = Files.createDirectories(folder.resolve(parts[i]));
            Files.writeString(part.resolve("config.json"), "{" + parts[i + 1] + "}");
        }
        return folder;
    }

    private static String unet(int width, int in) {
        return "\"cross_attention_dim\": %d, \"in_channels\": %d, \"out_channels\": 4"
                .formatted(width, in);
    }

    private static String text(int width) {
        return "\"architectures\": [\"CLIPTextModel\"], \"hidden_size\": " + width;
    }

    private static String projected(int width, int projection) {
        return "\"architectures\": [\"CLIPTextModelWithProjection\"], \"hidden_size\": %d, \"projection_dim\": %d"
                .formatted(width, projection);
    }

    @ParameterizedTest
    @CsvSource({
        "StableDiffusionPipeline, 768, 4", // SD 1.x
        "StableDiffusionPipeline, 1024, 4", // SD 2.x
        "StableDiffusionPipeline, 768, 9", // painted with, whatever its index says
        "StableDiffusionInpaintPipeline, 768, 9",
        "StableDiffusionInpaintPipeline, 768, 4",
        "StableDiffusionInstructPix2PixPipeline, 768, 8",
        "StableDiffusionDepth2ImgPipeline, 1024, 5",
        "StableDiffusionUpscalePipeline, 1024, 7"
    })
    void oneTextEncoder(String kind, int width, int in) throws IOException {
        Path model =
                model(
                        kind,
                        "",
                        "unet",
                        unet(width, in),
                        "text_encoder",
                        text(width),
                        "vae",
                        "\"latent_channels\": 4");
        assertThat(ComponentFit.misfits(model)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "StableDiffusionXLPipeline, 4",
        "StableDiffusionXLImg2ImgPipeline, 4",
        "StableDiffusionXLInpaintPipeline, 9",
        "StableDiffusionXLInstructPix2PixPipeline, 8"
    })
    void twoTextEncoders(String kind, int in) throws IOException {
        String unet = XL_UNET + "\"projection_class_embeddings_input_dim\": 2816, ";
        Path model =
                model(
                        kind,
                        "",
                        "unet",
                        unet + unet(2048, in),
                        "text_encoder",
                        text(768),
                        "text_encoder_2",
                        projected(1280, 1280),
                        "vae",
                        "\"latent_channels\": 4");
        assertThat(ComponentFit.misfits(model)).isEmpty();
    }

    @Test
    void theRefinerHasOnlyTheSecondAndAnAestheticScore() throws IOException {
        String unet = XL_UNET + "\"projection_class_embeddings_input_dim\": 2560, ";
        Path model =
                model(
                        "StableDiffusionXLImg2ImgPipeline",
                        ", \"requires_aesthetics_score\": true, \"text_encoder\": [null, null]",
                        "unet",
                        unet + unet(1280, 4),
                        "text_encoder_2",
                        projected(1280, 1280),
                        "vae",
                        "\"latent_channels\": 4");
        assertThat(ComponentFit.misfits(model)).isEmpty();
    }

    @Test
    void otherPipelinesAreNotJudged() throws IOException {
        Path model = model("KandinskyPipeline", "", "unet", unet(9, 9), "text_encoder", text(768));
        assertThat(ComponentFit.misfits(model)).isEmpty();
        Files.writeString(
                model.resolve("model_index.json"),
                "{\"_class_name\": [\"pipeline\", \"StableDiffusionOwnPipeline\"]}");
        assertThat(ComponentFit.misfits(model)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-sd15", "tiny-sd21", "tiny-sdxl"})
    void theReferenceModelsFit(String name) {
        Path model = REFERENCE.resolve(name);
        assertThat(ComponentFit.misfits(model)).isEmpty();
        assertThatCode(() -> StableDiffusion.requireForTraining(model)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({
        "StableDiffusionPipeline, 16, 4, 4, in_channels is 16, takes 4 or 9",
        "StableDiffusionPipeline, 4, 16, 4, latent_channels is 4, gives 4",
        "StableDiffusionPipeline, 4, 4, 16, latent_channels is 16, gives 16",
        "StableDiffusionInstructPix2PixPipeline, 4, 4, 4, in_channels is 4, takes 8"
    })
    void channelsOfUNetAndAutoencoder(
            String kind, int in, int out, int latent, String says, String wanted)
            throws IOException {
        Path model =
                model(
                        kind,
                        "",
                        "unet",
                        unet(768, in).replace("out_channels\": 4", "out_channels\": " + out),
                        "text_encoder",
                        text(768),
                        "vae",
                        "\"latent_channels\": " + latent);
        assertThat(ComponentFit.misfits(model)).hasSize(1);
        assertThat(ComponentFit.misfits(model).getFirst())
                .contains("unet/config.json", "vae/config.json", says, wanted, "exchange");
    }

    @Test
    void theSecondProjectionIsWhatTheUNetTakes() throws IOException {
        String unet = XL_UNET + "\"projection_class_embeddings_input_dim\": 2816, ";
        Path model =
                model(
                        "StableDiffusionXLPipeline",
                        "",
                        "unet",
                        unet + unet(2048, 4),
                        "text_encoder",
                        text(768),
                        "text_encoder_2",
                        projected(1280, 1024));
        assertThat(ComponentFit.misfits(model)).hasSize(1);
        assertThat(ComponentFit.misfits(model).getFirst())
                .contains(
                        "projection_class_embeddings_input_dim is 2816",
                        "projection_dim is 1024",
                        "2560",
                        "text_encoder_2 for one of projection_dim 1280");
    }

    /** A tokenizer that reads on where the text encoder has no position, or another tokenizer. */
    @Test
    void lengthsOfTokenizers() throws IOException {
        Path sdxl = REFERENCE.resolve("tiny-sdxl");
        for (String part :
                List.of(
                        "unet/config.json",
                        "vae/config.json",
                        "text_encoder/config.json",
                        "text_encoder_2/config.json",
                        "tokenizer/vocab.json",
                        "tokenizer/merges.txt",
                        "tokenizer/tokenizer_config.json",
                        "tokenizer_2/vocab.json",
                        "tokenizer_2/merges.txt",
                        "tokenizer_2/tokenizer_config.json",
                        "model_index.json")) {
            Files.createDirectories(folder.resolve(part).getParent());
            Files.copy(sdxl.resolve(part), folder.resolve(part));
        }
        assertThat(ComponentFit.misfits(folder)).isEmpty();
        Path second = folder.resolve("tokenizer_2/tokenizer_config.json");
        String stated = Files.readString(second);
        List<String> found = new ArrayList<>();
        for (int length : List.of(50, 90)) {
            Files.writeString(
                    second, stated.replaceAll("(model_max_length\":\\s*)77", "$1" + length));
            found.add(String.join(" ", ComponentFit.misfits(folder)));
        }
        assertThat(found.getFirst()).contains("tokenizer reads 77 tokens", "tokenizer_2 50");
        assertThat(found.getLast())
                .contains("model_max_length is 90", "max_position_embeddings is 77");
        Files.writeString(second, stated);
        Path encoder = folder.resolve("text_encoder_2/config.json");
        Files.writeString(
                encoder,
                Files.readString(encoder).replace("\"vocab_size\": 2000", "\"vocab_size\": 9"));
        assertThatThrownBy(() -> ComponentFit.requireAll(folder))
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageContaining("tokenizer_2 knows")
                .hasMessageContaining("has embeddings for 9;");
    }
}
