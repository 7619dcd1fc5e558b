package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code soup convert} from the command line to the files' bytes, on tiny models. */
class ConvertCommandTest {
    @TempDir Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static Path model(String name) {
        return switch (name) {
            case "sd15" -> TinyModels.sd15();
            case "sd21" -> TinyModels.sd21();
            default -> TinyModels.sdxl();
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"sd15", "sd21", "sdxl"})
    void thereAndBackGivesTheSameWeightsAndTheSamePicture(String name) throws IOException {
        Path original = model(name);
        Path single = folder.resolve("single.safetensors");
        Path back = folder.resolve("back");
        JsonNode json =
                new ObjectMapper()
                        .readTree(Run.of("convert", original, "-o", single, "--json").ok().out());
        assertThat(json.get("to").asText()).isEqualTo("single");
        assertThat(json.get("architecture").asText()).startsWith("Stable Diffusion");
        Run.of("convert", single, "-o", back, "--to", "diffusers").ok();

        assertThat(WeightsHash.of(back)).isEqualTo(WeightsHash.of(original));
        assertThat(picture(back, "a.png")).isEqualTo(picture(original, "b.png"));
    }

    /**
     * A file of weights is replaced by one of its own kind only, and the sentence says of which.
     */
    @Test
    void aFileOfAnotherKindIsNotReplaced() throws IOException {
        Path original = model("sd15");
        Path taken = folder.resolve("taken.safetensors");
        String lora = "lora_unet_mid_block_attentions_0_proj_in";
        Map<String, String> kinds =
                Map.of(
                        lora + ".lora_up.weight",
                        "holds a LoRA",
                        "emb_params",
                        "holds a textual inversion",
                        "<cat-toy>",
                        "holds a textual inversion",
                        "upscale.conv.weight",
                        "is a safetensors file, not a model file");
        for (Map.Entry<String, String> kind : kinds.entrySet()) {
            List<TensorEntry> tensors =
                    new ArrayList<>(
                            List.of(
                                    TensorEntry.ofFloats(
                                            kind.getKey(), new long[] {1}, new float[1])));
            if (kind.getKey().startsWith(lora)) { // as OneTrainer bundles them
                tensors.add(
                        TensorEntry.ofFloats(
                                "bundle_emb.x.emb_params", new long[] {1}, new float[1]));
            }
            SafetensorsWriter.write(taken, Map.of(), tensors);
            byte[] before = Files.readAllBytes(taken);
            Run.of("convert", original, "-o", taken, "--force")
                    .fails(1, kind.getValue(), "not even with --force");
            assertThat(taken).hasBinaryContent(before);
        }
        Path single = folder.resolve("single.safetensors");
        Run.of("convert", original, "-o", single).ok();
        Run.of("convert", original, "-o", single, "--force").ok();
        Run.of("lora", "extract", original, original, "--rank", 2, "-o", single, "--force")
                .fails(1, "holds weights of a model, not a LoRA");
    }

    /** They are called what they are wherever a model is asked for. */
    @Test
    void aTextualInversionIsNoModel() {
        for (String name : List.of("emb_params", "<cat-toy>")) {
            Path file = folder.resolve("ti.safetensors");
            SafetensorsWriter.write(
                    file,
                    Map.of(),
                    List.of(TensorEntry.ofFloats(name, new long[] {1}, new float[1])));
            Path out = folder.resolve("out");
            Run.of("convert", file, "-o", out).fails(1, "is a textual inversion", name);
            Run.of("generate", "--model", file, "--prompt", "x", "-o", folder.resolve("x.png"))
                    .fails(1, "is a textual inversion", name);
            Run.of("lora", "fuse", "--model", file, "--lora", TinyModels.lora("kohya"), "-o", out)
                    .fails(1, "is a textual inversion", name);
        }
    }

    /** Weights of the variant that is asked for and others lie together in many folders. */
    @Test
    void componentsWithoutTheVariantAreNamed() throws IOException {
        Path mixed = TinyModels.copy(model("sd15"), folder.resolve("mixed"));
        Path weights = mixed.resolve("unet/diffusion_pytorch_model.safetensors");
        Files.copy(weights, weights.resolveSibling("diffusion_pytorch_model.fp16.safetensors"));
        Path out = folder.resolve("out.safetensors");
        assertThat(Run.of("convert", mixed, "-o", out, "--variant", "fp16").ok().out())
                .contains("mixed has no fp16 weights of text_encoder, vae; its others");
        assertThat(Run.of("convert", mixed, "-o", out, "--force").ok().out())
                .doesNotContain("has no fp16");
        Run merged = Run.of("merge", mixed, mixed, "-o", folder.resolve("m"), "--variant", "fp16");
        assertThat(merged.ok().err()).containsOnlyOnce("has no fp16 weights of text_encoder, vae");
    }

    /** Of a component with several variants and no other weights the one that was asked for. */
    @Test
    void ofSeveralVariantsOneIsTaken() throws IOException {
        Path mixed = TinyModels.copy(model("sd15"), folder.resolve("mixed"));
        Path weights = mixed.resolve("unet/diffusion_pytorch_model.safetensors");
        Files.copy(weights, weights.resolveSibling("diffusion_pytorch_model.fp16.safetensors"));
        Files.move(weights, weights.resolveSibling("diffusion_pytorch_model.ema.safetensors"));
        Path out = folder.resolve("ema.safetensors");
        Run.of("generate", "--model", mixed, "--prompt", "x", "-o", folder.resolve("x.png"))
                .fails(1, "choose one with", "'soup convert " + mixed + " --variant ema --out ");
        Run.of("convert", mixed, "--variant", "ema", "-o", out).ok();
        Run.of(
                        "generate",
                        "--model",
                        out,
                        "--prompt",
                        "x",
                        "--steps",
                        1,
                        "-o",
                        folder.resolve("x.png"))
                .ok();
        Run.of("verify", out).ok();
    }

    /** diffusers goes by model_index.json where the configuration has no class. */
    @Test
    void aSecondTextEncoderWithoutItsClassIsProjected() throws IOException {
        Path xl = TinyModels.copy(model("sdxl"), folder.resolve("xl"));
        byte[] before = picture(xl, "before.png");
        Path config = xl.resolve("text_encoder_2/config.json");
        ObjectNode o = (ObjectNode) new ObjectMapper().readTree(config.toFile());
        o.remove("architectures");
        Files.writeString(config, o.toString());
        Run.of("verify", xl).ok();
        assertThat(picture(xl, "after.png")).isEqualTo(before);
    }

    /** As a folder of it says, so does the single file. */
    @Test
    void anXlWithoutItsProjectionIsNotSound() throws IOException {
        Path single = folder.resolve("xl.safetensors");
        Run.of("convert", model("sdxl"), "-o", single).ok();
        Run.of("verify", single).ok();
        Path less = folder.resolve("less.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(single)) {
            List<TensorEntry> kept = new ArrayList<>();
            for (TensorInfo t : file.tensors().values()) {
                if (!t.name().endsWith("text_projection")) {
                    MemorySegment bytes = Arena.ofAuto().allocate(t.byteSize(), 8);
                    file.read(t.name(), 0, bytes);
                    kept.add(
                            new TensorEntry(t.name(), t.dtype(), t.shape(), TensorBytes.of(bytes)));
                }
            }
            assertThat(kept).hasSize(file.tensors().size() - 1);
            SafetensorsWriter.write(less, Map.of(), kept);
        }
        Run verified = Run.of("verify", less);
        assertThat(verified.status()).isEqualTo(1);
        assertThat(verified.out()).contains("text_encoder_2, has no text_projection");
        assertThat(Run.of("convert", less, "-o", folder.resolve("less")).ok().out())
                .contains("CLIPTextModelWithProjection");
    }

    /** Other tools' single files say nothing of a vocabulary, and a small one is not CLIP's. */
    @ParameterizedTest
    @ValueSource(strings = {"sd15", "sdxl"})
    @ResourceLock("soup.cache")
    void aVocabularyThatCannotBeClipsIsSaid(String name) throws IOException {
        Path single = folder.resolve("single.safetensors");
        Run.of("convert", model(name), "-o", single).ok();
        withoutMetadata(single);
        Path back = folder.resolve("back");
        assertThat(Run.of("convert", single, "-o", back).ok().out())
                .contains("text_encoder has embeddings for 2,000 tokens")
                .contains("replace vocab.json and merges.txt there");
        Run.of("generate", "--model", back, "--prompt", "apple", "-o", folder.resolve("x.png"))
                .fails(1, "knows 49,408 tokens", "embeddings for 2,000", "vocab.json");
        System.setProperty("soup.cache", folder.resolve("cache").toString());
        try {
            Path out = folder.resolve("x.png");
            Run.of("generate", "-q", "--model", single, "--prompt", "apple", "-o", out)
                    .fails(
                            1,
                            "embeddings for 2,000",
                            "That is a copy",
                            "'soup convert MODEL -o FOLDER', and change that");
        } finally {
            System.clearProperty("soup.cache");
        }
        assertThat(folder.resolve("x.png")).doesNotExist();
    }

    private static void withoutMetadata(Path safetensors) throws IOException {
        byte[] bytes = Files.readAllBytes(safetensors);
        int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode header = (ObjectNode) mapper.readTree(bytes, 8, length);
        header.remove("__metadata__");
        byte[] shorter = mapper.writeValueAsBytes(header);
        Arrays.fill(bytes, 8, 8 + length, (byte) ' ');
        System.arraycopy(shorter, 0, bytes, 8, shorter.length);
        Files.write(safetensors, bytes);
    }

    private byte[] picture(Path model, String file) throws IOException {
        Path out = folder.resolve(file);
        Run.of(
                        "generate",
                        "--model",
                        model,
                        "--prompt",
                        "a cat",
                        "--seed",
                        "3",
                        "--steps",
                        "2",
                        "--size",
                        "32",
                        "-o",
                        out)
                .ok();
        return PngCodec.decode(Files.readAllBytes(out), file).pixels();
    }

    @Test
    void aRecipeIsCarriedBothWaysAndReproduceSaysWhatTheFileIs() throws IOException {
        Path a = TinyModels.sd15();
        Path b = TinyModels.ingredient(folder.resolve("b"), 2);
        Path soup = folder.resolve("soup");
        Run.of("merge", a, b, "-o", soup).ok();
        Path single = folder.resolve("single.safetensors");
        assertThat(Run.of("convert", soup, "-o", single).ok().out())
                .contains("Its recipe is carried along");
        Path back = folder.resolve("back");
        assertThat(Run.of("convert", single, "-o", back).ok().out())
                .contains("Its recipe is carried along");
        ObjectMapper mapper = new ObjectMapper();
        try (SafetensorsFile s = SafetensorsFile.open(single);
                SafetensorsFile u =
                        SafetensorsFile.open(
                                back.resolve("unet/diffusion_pytorch_model.safetensors"))) {
            JsonNode of = mapper.readTree(s.metadata().get("soup.recipe")).path("of").path("unet");
            assertThat(of.at("/recipe/method").asText()).isEqualTo("weighted average");
            assertThat(of.at("/recipe/ingredients/0/coefficient").asText()).isEqualTo("1/2");
            JsonNode twice = mapper.readTree(u.metadata().get("soup.recipe"));
            assertThat(twice.path("to").asText()).isEqualTo("diffusers");
            assertThat(twice.path("of").path("").at("/recipe/of/unet")).isEqualTo(of);
        }
        Run.of("reproduce", single)
                .fails(1, "was converted from a diffusers folder by 'soup convert'");
        Run.of("reproduce", back).fails(1, "was converted from a single file");
        Run.of("verify", single, "-q").ok();
    }

    @Test
    void theMarksThatConvertWritesAreKnownOnTheWayBack() throws IOException {
        Path v = TinyModels.copy(TinyModels.sd15(), folder.resolve("v"));
        Path scheduler = v.resolve("scheduler/scheduler_config.json");
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode config = (ObjectNode) mapper.readTree(Files.readAllBytes(scheduler));
        config.put("prediction_type", "v_prediction").put("rescale_betas_zero_snr", true);
        Files.write(scheduler, mapper.writeValueAsBytes(config));
        Path single = folder.resolve("v.safetensors");
        Run.of("convert", v, "-o", single).ok();
        try (SafetensorsFile s = SafetensorsFile.open(single)) {
            assertThat(s.tensors()).containsKeys("v_pred", "ztsnr");
        }
        assertThat(Run.of("convert", single, "-o", folder.resolve("w")).ok().out())
                .doesNotContain("v_pred", "ztsnr", "left out");
    }

    @Test
    void existingOutputsStayUnlessForced() throws IOException {
        Path out = folder.resolve("there.safetensors");
        Run.of("convert", TinyModels.sd21(), "-o", out).ok();
        byte[] before = Files.readAllBytes(out);
        Run.of("convert", TinyModels.sd15(), "-o", out).fails(1, "exists", "--force");
        assertThat(out).hasBinaryContent(before);
        assertThat(Run.of("convert", TinyModels.sd15(), "-o", out, "--force").ok().out())
                .contains("Stable Diffusion 1.x");
        assertThat(Files.size(out)).isGreaterThan(1000);
    }

    @Test
    void aComponentAloneIsCalledWhatItIs() {
        Path out = folder.resolve("out");
        Path model = TinyModels.sd15();
        String[][] parts = {
            {"unet/diffusion_pytorch_model.safetensors", "is a UNet of Stable Diffusion 1.x alone"},
            {"text_encoder/model.safetensors", "is a text encoder alone"},
            {"vae/diffusion_pytorch_model.safetensors", "is an autoencoder alone"},
        };
        for (String[] part : parts) {
            Run.of("convert", model.resolve(part[0]), "-o", out)
                    .fails(1, part[1], "a whole model is needed");
        }
        assertThat(out).doesNotExist();
    }

    @Test
    void wrongUseIsOneSentence() {
        Path out = folder.resolve("out");
        Run.of("convert", TinyModels.sd15(), "-o", out, "--to", "x").fails(2, "--to", "single");
        assertThat(Run.of("convert", TinyModels.sd15(), "-o", folder.resolve("bare")).ok().out())
                .contains("bare is one file; other programs look for names that end in");
        Run.of("convert", TinyModels.sd15(), "-o", out, "--to", "diffusers")
                .fails(1, "diffusers folder already");
        Run.of("convert", TinyModels.clip().resolve("model.safetensors"), "-o", out)
                .fails(1, "not recognised");
        assertThat(List.of(out)).noneMatch(Files::exists);
    }
}
