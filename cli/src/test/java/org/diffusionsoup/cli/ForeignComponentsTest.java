package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models of whole components that do not work together are refused before anything is run. */
class ForeignComponentsTest {
    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // tiny tensors: a second thread only waits
    }

    private static Path tiny(String name) {
        return switch (name) {
            case "sd15" -> TinyModels.sd15();
            case "sd21" -> TinyModels.sd21();
            default -> TinyModels.sdxl();
        };
    }

    /** A model with one component exchanged for another's. */
    private Path mixed(String model, String part, String other, String its) throws IOException {
        Path to = TinyModels.copy(tiny(model), folder.resolve("mixed"));
        try (Stream<Path> old = Files.list(to.resolve(part))) {
            for (Path f : old.toList()) {
                Files.delete(f);
            }
        }
        Files.delete(to.resolve(part));
        TinyModels.copy(tiny(other).resolve(its), to.resolve(part));
        return to;
    }

    /** SD 1.5's tiny model with a UNet that takes a mask and a picture, under the index it has. */
    private Path painter() throws IOException {
        Path to = TinyModels.copy(TinyModels.sd15(), folder.resolve("painter"));
        Path config = to.resolve("unet/config.json");
        Files.writeString(
                config,
                Files.readString(config).replace("\"in_channels\": 4", "\"in_channels\": 9"));
        Path file = to.resolve("unet/diffusion_pytorch_model.safetensors");
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] w =
                        f.data(t.name())
                                .toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
                long[] shape = t.shape();
                if (t.name().equals("conv_in.weight")) {
                    shape = new long[] {shape[0], 9, 3, 3};
                    w = Arrays.copyOf(w, (int) (shape[0] * 81));
                }
                entries.add(TensorEntry.ofFloats(t.name(), shape, w));
            }
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), entries);
        return to;
    }

    private Run generate(Path... models) {
        List<Object> words = new ArrayList<>(List.of("generate", "--prompt", "cat", "-q"));
        for (Path model : models) {
            words.addAll(List.of("--model", model));
        }
        words.addAll(List.of("--steps", 2, "-o", folder.resolve("picture.png")));
        return Run.of(words.toArray());
    }

    private Run train(Path model, String... more) {
        Path shard = folder.resolve("rows.tar");
        if (!Files.exists(shard)) {
            TinyTraining.shard(shard, 4, 64, "train");
        }
        List<Object> words = new ArrayList<>(List.of("train", "--base", model, "--shard", shard));
        words.addAll(List.of("--out", folder.resolve("trained"), "--steps", 1, "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private Run loss(Path... models) {
        Path shard = TinyTraining.shard(folder.resolve("held.tar"), 4, 64, "heldout");
        List<Object> words = new ArrayList<>(List.of("score", "--loss", "--shard", shard, "-q"));
        for (Path model : models) {
            words.addAll(List.of("--model", model));
        }
        return Run.of(words.toArray());
    }

    @ParameterizedTest
    @CsvSource({
        "sd15, text_encoder, sd21, text_encoder, cross_attention_dim is 32, hidden_size is 24",
        "sd15, text_encoder, sdxl, text_encoder, cross_attention_dim is 32, hidden_size is 16",
        "sd15, unet, sd21, unet, cross_attention_dim is 24, hidden_size is 32",
        "sd15, unet, sdxl, unet, addition_embed_type is text_time, StableDiffusionPipeline",
        "sdxl, unet, sd15, unet, addition_embed_type is null, StableDiffusionXLPipeline",
        "sdxl, text_encoder, sd15, text_encoder, cross_attention_dim is 40, together 56",
        "sdxl, text_encoder_2, sdxl, text_encoder, architectures is CLIPTextModel, has a projection"
    })
    void whatDoesNotWorkTogetherIsNamedByBothFiles(
            String model, String part, String other, String its, String one, String two)
            throws IOException {
        Path mixed = mixed(model, part, other, its);
        generate(mixed).fails(SoupCli.FAILED, one, two, "exchange");
        generate(tiny("sd15"), mixed).fails(SoupCli.FAILED, one, two, "exchange");
        train(mixed).fails(SoupCli.FAILED, one, two, "exchange");
        train(mixed, "--dry-run").fails(SoupCli.FAILED, one, two, "exchange");
        if (!model.equals("sdxl")) { // which no loss is computed of
            loss(tiny("sd15"), mixed).fails(SoupCli.FAILED, one, two, "exchange");
        }
        Run verified = Run.of("verify", mixed);
        assertThat(verified.status()).isEqualTo(SoupCli.FAILED);
        assertThat(verified.err()).contains("1 finding");
        assertThat(verified.out()).contains("structure", one, two, "exchange");
        assertThat(folder.resolve("picture.png")).doesNotExist();
        assertThat(folder.resolve("trained")).doesNotExist();
    }

    @Test
    void aConversionSaysIt() throws IOException {
        Path mixed = mixed("sd15", "text_encoder", "sd21", "text_encoder");
        Run run = Run.of("convert", mixed, "-o", folder.resolve("one.safetensors")).ok();
        assertThat(run.out()).contains("cross_attention_dim is 32", "hidden_size is 24");
        Run whole = Run.of("convert", tiny("sd15"), "-o", folder.resolve("two.safetensors")).ok();
        assertThat(whole.out()).doesNotContain("exchange");
    }

    @Test
    void anEvaluationSaysItBeforeItDraws() throws IOException {
        Path mixed = mixed("sd15", "text_encoder", "sd21", "text_encoder");
        Path recipe =
                Files.writeString(
                        folder.resolve("r.yaml"),
                        """
                        models:
                          one: %s
                          two: %s
                        prompts: {list: [a cat, a dog]}
                        seeds: 0
                        sampler: {steps: 1}
                        judges:
                          CLIP: {clip: %s}
                        """
                                .formatted(tiny("sd15"), mixed, TinyModels.clip()));
        Run.of("evaluate", recipe, "-o", folder.resolve("out"), "-q")
                .fails(SoupCli.FAILED, "cross_attention_dim is 32", "hidden_size is 24");
        assertThat(folder.resolve("out/pictures")).doesNotExist();
    }

    @Test
    void aUNetThatPaintsIsNotTrainedOnLatentsAlone() throws IOException {
        Path painter = painter();
        String[] said = {"in_channels is 9", "latent_channels is 4", "takes 4"};
        train(painter).fails(SoupCli.FAILED, said);
        train(painter, "--dry-run").fails(SoupCli.FAILED, said);
        loss(painter).fails(SoupCli.FAILED, said);
        generate(painter).fails(SoupCli.FAILED, "takes 9 channels");
        assertThat(folder.resolve("trained")).doesNotExist();
    }
}
