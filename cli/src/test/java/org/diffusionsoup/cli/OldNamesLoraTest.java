package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** LoRAs and models whose tensors have older names, such as {@code torch.compile} gives them. */
@ResourceLock("soup.cache")
class OldNamesLoraTest {
    @TempDir private Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";
    private static final String TEXT = "text_encoder/model.safetensors";

    /** The tiny model under other names. */
    private Path model(String naming) throws IOException {
        Path model = temp.resolve(naming);
        TinyModels.copy(TinyModels.sd15(), model);
        switch (naming) {
            case "compiled" -> rename(model.resolve(UNET), n -> "_orig_mod." + n);
            case "inside" ->
                    rename(model.resolve(UNET), n -> n.replace(".attn1.", ".attn1._orig_mod."));
            case "parallel" -> {
                rename(model.resolve(UNET), n -> "module." + n);
                rename(model.resolve(TEXT), n -> "module." + n);
            }
            case "ofUnet" -> rename(model.resolve(UNET), n -> "unet." + n);
            case "original" -> rename(model.resolve(UNET), n -> "model.diffusion_model." + n);
            case "partly" ->
                    rename(
                            model.resolve(UNET),
                            n -> n.startsWith("up_blocks.") ? "module." + n : n);
            default -> rename(model.resolve(TEXT), n -> n.substring("text_model.".length()));
        }
        return model;
    }

    private static void rename(Path weights, UnaryOperator<String> name) {
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] values = f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                entries.add(TensorEntry.ofFloats(name.apply(t.name()), t.shape(), values));
            }
        }
        SafetensorsWriter.write(weights, Map.of("format", "pt"), entries);
    }

    private byte[] picture(Object... model) throws IOException {
        Path out = Files.createTempDirectory(temp, "drawn").resolve("p.png");
        List<Object> words = new ArrayList<>(List.of("generate"));
        words.addAll(List.of(model));
        words.addAll(List.of("--prompt", "apple", "--seed", 3, "--steps", 2, "--size", 32));
        words.addAll(List.of("-o", out));
        Run.of(words.toArray()).ok();
        return PngCodec.decode(Files.readAllBytes(out), "p.png").pixels();
    }

    @ParameterizedTest
    @CsvSource({
        "compiled, diffusers",
        "inside, kohya",
        "parallel, peft",
        "ofUnet, kohya",
        "original, diffusers",
        "partly, kohya",
        "bare, diffusers",
        "bare, kohya"
    })
    void aLoraIsPutIntoThem(String naming, String lora) throws IOException {
        Path model = model(naming);
        Path file = TinyModels.lora(lora);
        byte[] wanted = picture("--model", TinyModels.sd15(), "--lora", file);
        assertThat(wanted).isNotEqualTo(picture("--model", TinyModels.sd15()));
        assertThat(picture("--model", model, "--lora", file)).isEqualTo(wanted);

        Path fused = temp.resolve("fused");
        Run.of("lora", "fuse", "--model", model, "--lora", file, "-o", fused).ok();
        assertThat(picture("--model", fused)).isEqualTo(wanted);
        Run.of("lora", "inspect", file, "--model", model).ok();
        Run.of("verify", fused).ok();
    }

    @ParameterizedTest
    @ValueSource(strings = {"compiled", "inside", "parallel", "bare"})
    void oneIsTrainedForThem(String naming) throws IOException {
        Path model = model(naming);
        Path shard = TinyTraining.shard(temp.resolve("s.tar"), 4, 16, "train");
        byte[] wanted = picture("--model", train(TinyModels.sd15(), shard, "wanted"));
        assertThat(picture("--model", train(model, shard, "folder"))).isEqualTo(wanted);
        Path factors = train(model, shard, "factors.safetensors");
        assertThat(picture("--model", model, "--lora", factors)).isEqualTo(wanted);
    }

    private Path train(Path base, Path shard, String out) {
        Path to = temp.resolve(out);
        Run.of(
                        "train", "--base", base, "--shard", shard, "--out", to, "--lora", 2,
                        "--steps", 2, "--batch", 2, "-q")
                .ok();
        return to;
    }

    /** The memory of a training is estimated by the same names. */
    @Test
    void theEstimateCountsTheirFactors() throws IOException {
        Path shard = TinyTraining.shard(temp.resolve("s.tar"), 4, 16, "train");
        List<String> estimates = new ArrayList<>();
        for (Path base : List.of(TinyModels.sd15(), model("inside"))) {
            String told =
                    Run.of(
                                    "train",
                                    "--base",
                                    base,
                                    "--shard",
                                    shard,
                                    "--out",
                                    temp.resolve("o"),
                                    "--lora",
                                    16,
                                    "--dry-run")
                            .ok()
                            .out();
            estimates.add(
                    told.lines()
                            .filter(l -> l.contains("gradients"))
                            .findFirst()
                            .orElseThrow()
                            .replaceAll("of the .* free", ""));
        }
        assertThat(estimates.get(1)).isEqualTo(estimates.get(0));
    }

    /** Members of an ensemble that take turns are read where they lie. */
    @Test
    void modelsInTurn() throws IOException {
        Path compiled = model("compiled");
        Path other = TinyModels.ingredient(temp.resolve("other"), 3);
        Object[] words = {
            "--model", TinyModels.sd15(), "--model", other, "--ensemble", "--sequential"
        };
        byte[] wanted = picture(words);
        words[1] = compiled;
        assertThat(picture(words)).isEqualTo(wanted);
    }

    /** A training that could not write what it learns does not begin. */
    @Test
    void aUNetWithoutAttentionIsRefusedAtOnce() throws IOException {
        Path model = temp.resolve("plain");
        TinyModels.copy(TinyModels.sd15(), model);
        Path config = model.resolve("unet/config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replace("CrossAttnDownBlock2D", "DownBlock2D")
                        .replace("CrossAttnUpBlock2D", "UpBlock2D")
                        .replace("\"UNetMidBlock2DCrossAttn\"", "null"));
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(model.resolve(UNET))) {
            for (TensorInfo t : f.tensors().values()) {
                if (!t.name().contains("attentions") && !t.name().contains("mid_block")) {
                    entries.add(
                            TensorEntry.ofFloats(
                                    t.name(),
                                    t.shape(),
                                    f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED)));
                }
            }
        }
        SafetensorsWriter.write(model.resolve(UNET), Map.of("format", "pt"), entries);
        Path shard = TinyTraining.shard(temp.resolve("s.tar"), 4, 16, "train");
        for (String way : List.of("--dry-run", "-q")) {
            Run.of(
                            "train",
                            "--base",
                            model,
                            "--shard",
                            shard,
                            "--out",
                            temp.resolve("o"),
                            "--lora",
                            2,
                            "--steps",
                            2,
                            way)
                    .fails(SoupCli.FAILED, "has no attention weights");
        }
        assertThat(temp.resolve("o.training")).doesNotExist();
    }

    /** No LoRA is blamed for the names of a model. */
    @Test
    void whatNoLoraCanBePutIntoIsNamed() throws IOException {
        Path lora = TinyModels.lora("kohya");
        Path out = temp.resolve("out");
        Path single = temp.resolve("single.safetensors");
        Run.of("convert", TinyModels.sd15(), "-o", single).ok();
        Run.of("lora", "fuse", "--model", single, "--lora", lora, "-o", out, "-q")
                .fails(1, "is no diffusers folder", "'soup convert " + single + " --out");
        Path unet = temp.resolve("u.safetensors");
        for (String before : List.of("", "unet.", "model.diffusion_model.")) {
            Files.copy(TinyModels.sd15().resolve(UNET), unet, StandardCopyOption.REPLACE_EXISTING);
            rename(unet, n -> before + n);
            Run.of("lora", "fuse", "--model", unet, "--lora", lora, "-o", out, "-q")
                    .fails(1, "is a UNet alone", "'cp " + unet + " DIR/unet/");
            Path model = TinyModels.copy(TinyModels.sd15(), temp.resolve("with" + before));
            Files.copy(unet, model.resolve(UNET), StandardCopyOption.REPLACE_EXISTING);
            Path fused = temp.resolve("fused" + before);
            Run.of("lora", "fuse", "--model", model, "--lora", lora, "-o", fused).ok();
            Run.of("verify", fused).ok();
        }
        assertThat(WeightsHash.of(temp.resolve("fusedunet.")))
                .isEqualTo(WeightsHash.of(temp.resolve("fusedmodel.diffusion_model.")))
                .isEqualTo(WeightsHash.of(temp.resolve("fused")));
        Path model = TinyModels.copy(TinyModels.sd15(), temp.resolve("foreign"));
        rename(model.resolve(UNET), n -> "model.diffusion_model.input_blocks." + n);
        Run.of("lora", "fuse", "--model", model, "--lora", lora, "-o", out, "-q")
                .fails(
                        1,
                        UNET + ": its tensors are called 'model.diffusion_model.input_blocks.",
                        "no names of diffusers",
                        "'soup convert FILE --out DIR'");
        assertThat(out).doesNotExist();
    }
}
