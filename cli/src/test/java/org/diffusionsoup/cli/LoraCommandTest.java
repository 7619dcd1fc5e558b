package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.png.PngFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup lora} and {@code soup generate --lora}, on a tiny model and LoRAs for it. */
class LoraCommandTest {
    private static final Path MODEL = TinyModels.sd15();
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path folder;

    /** Tiny tensors: a second thread only waits. */
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private Path out(String name) {
        return folder.resolve(name);
    }

    private static JsonNode json(Run run) throws IOException {
        return new ObjectMapper().readTree(run.ok().out());
    }

    private void draw(String name, Object... more) {
        Object[] words = {"generate", "--prompt", "cat", "--steps", 2, "-q", "-o", out(name)};
        Object[] all = Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        Run.of(all).ok();
    }

    private byte[] pixels(String name) throws IOException {
        return PngCodec.decode(Files.readAllBytes(out(name)), name).pixels();
    }

    @Test
    void aLoraIsInspected() throws IOException {
        Path file = TinyModels.lora("kohya");
        JsonNode all = json(Run.of("lora", "inspect", file, "--json")).path("updates");
        assertThat(all.size()).isGreaterThan(20);
        String text = Run.of("lora", "inspect", file, "--model", MODEL, "--layers").ok().out();
        assertThat(text).contains("LoRA (kohya)", "text_encoder", "unet");
        for (JsonNode u : all) {
            assertThat(text)
                    .contains(u.path("component").asText() + "." + u.path("tensor").asText());
        }
        assertThat(Run.of("lora", "inspect", TinyModels.lora("lycoris")).ok().out())
                .contains("LoHa", "LoKr", "full", "LoRA (CP)");
        assertThat(Run.of("lora", "inspect", TinyModels.lora("dora")).ok().out())
                .contains("(DoRA)");
        Run.of("lora", "inspect", TinyModels.lora("kohya"), "--model", TinyModels.sd21())
                .fails(1, "kohya.safetensors", "another model");
        Run.of("lora", "inspect", MODEL.resolve(UNET)).fails(1, "none of a LoRA's", "conv_in");
        Run.of("lora", "inspect", MODEL).fails(1, "model folder");
        Run.of("lora", "inspect", out("none.safetensors")).fails(1, "none.safetensors");
        Run.of("lora").fails(2, "missing command: inspect, fuse, merge, extract, resize");
    }

    /** Fusing first and drawing with LoRAs are the same, and the picture says what was in it. */
    @Test
    void aFusedModelDrawsWhatTheModelWithLorasDraws() throws IOException {
        Path a = TinyModels.lora("kohya");
        Path b = TinyModels.lora("peft_metadata");
        Run.of(
                        "lora",
                        "fuse",
                        "--model",
                        MODEL,
                        "--lora",
                        a + ":0.7",
                        "--lora",
                        b + ":-.5",
                        "-o",
                        out("fused"),
                        "-q")
                .ok();
        draw("plain.png", "--model", MODEL);
        draw("fused.png", "--model", out("fused"));
        draw("with.png", "--model", MODEL, "--lora", a + ":0.7", "--lora", b + ":-.5");
        draw("none.png", "--model", MODEL, "--lora", a + ":0");
        assertThat(pixels("with.png")).isEqualTo(pixels("fused.png"));
        assertThat(pixels("with.png")).isNotEqualTo(pixels("plain.png"));
        assertThat(pixels("none.png")).isEqualTo(pixels("plain.png"));
        Map<String, String> text = PngFiles.readText(out("with.png"));
        assertThat(text.get("loras"))
                .isEqualTo(
                        "0.7 %s kohya.safetensors\n-0.5 %s peft_metadata.safetensors"
                                .formatted(Hashes.sha256(a), Hashes.sha256(b)));
        assertThat(text.get("model_sha256"))
                .isEqualTo(PngFiles.readText(out("plain.png")).get("model_sha256"));
        assertThat(PngFiles.readText(out("plain.png"))).doesNotContainKey("loras");
        assertThat(Run.of("inspect", out("fused")).ok().out())
                .contains("lora fuse", Hashes.sha256(a), Hashes.sha256(MODEL.resolve(UNET)));
        assertThat(out("fused").resolve("vae/diffusion_pytorch_model.safetensors"))
                .hasSameBinaryContentAs(MODEL.resolve("vae/diffusion_pytorch_model.safetensors"));
        Run.of("lora", "fuse", "--model", MODEL, "--lora", a, "-o", out("fused"))
                .fails(1, "exists already", "--force");
    }

    @Test
    void aStrengthOfZeroUpdatesNothingAndDamageIsSaid() throws IOException {
        Path file = TinyModels.lora("kohya");
        assertThat(
                        Run.of(
                                        "lora",
                                        "fuse",
                                        "--model",
                                        MODEL,
                                        "--lora",
                                        file + ":0",
                                        "-o",
                                        out("f"))
                                .ok()
                                .out())
                .contains("0 tensors updated", "changes nothing");
        Path damaged = out("nan.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        int header =
                java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt();
        Arrays.fill(bytes, 8 + header, bytes.length, (byte) -1);
        Files.write(damaged, bytes);
        Run run = Run.of("lora", "inspect", damaged);
        run.fails(1, "nan.safetensors holds NaN in '");
        Object[] both = {"lora", "merge", file, TinyModels.lora("peft"), "--weights", "2,1"};
        List<Object> words = new ArrayList<>(Arrays.asList(both));
        words.addAll(List.of("--rank", 2, "-o", out("mean.safetensors")));
        assertThat(Run.of(words.toArray()).ok().out())
                .contains("  2/3  " + file, "  1/3  " + TinyModels.lora("peft"));
        words.addAll(List.of("--force", "--json"));
        assertThat(json(Run.of(words.toArray())).path("bytes").asLong())
                .isEqualTo(Files.size(out("mean.safetensors")));
        Run.of("lora", "merge", file, "-o", out("m.safetensors"))
                .fails(2, "a mean is of two LoRAs or more, and only " + file + " is given");
        Run.of("lora", "merge", file, file, "--weights", "2,0", "-o", out("m.safetensors"))
                .fails(2, "--weights 0: A coefficient must be above 0");
        Run.of("lora", "merge", file, damaged, "-o", out("m.safetensors"))
                .fails(1, "nan.safetensors holds NaN in '");
        assertThat(Run.of("lora", "inspect", file).ok().out()).doesNotContain("NaN");
        byte[] own = Files.readAllBytes(file);
        Run.of("lora", "resize", file, "--rank", 2, "-o", file, "--force")
                .fails(1, "Cannot write to", "its input");
        Run.of("lora", "merge", file, file, "-o", file, "--force").fails(1, "its input");
        assertThat(Files.readAllBytes(file)).isEqualTo(own);
        Run resized = Run.of("lora", "resize", file, "--rank", 2, "-o", out("r.safetensors")).ok();
        assertThat(resized.err()).doesNotContain("MB");
    }

    /** A LoRA, a checkpoint and a textual inversion are no replacements of each other. */
    @Test
    void filesAreReplacedByTheirOwnKindOnly() throws IOException {
        Path lora = out("l.safetensors");
        Files.copy(TinyModels.lora("kohya"), lora);
        Path model = out("m.safetensors");
        Run.of("convert", MODEL, "-o", model).ok();
        Path embedding = out("e.safetensors");
        SafetensorsWriter.write(
                embedding,
                Map.of(),
                List.of(TensorEntry.ofFloats("emb_params", new long[] {1, 2}, new float[2])));
        Run.of("lora", "inspect", embedding)
                .fails(1, "'emb_params' is a textual inversion's, the embedding of a new word");
        for (Path taken : List.of(model, embedding)) {
            byte[] before = Files.readAllBytes(taken);
            Run.of("lora", "resize", lora, "--rank", 2, "-o", taken, "--force")
                    .fails(1, taken + " is a safetensors file and holds ");
            assertThat(Files.readAllBytes(taken)).isEqualTo(before);
        }
        for (Path taken : List.of(lora, embedding)) {
            byte[] before = Files.readAllBytes(taken);
            Run.of("convert", MODEL, "-o", taken, "--force")
                    .fails(1, taken + " is a safetensors file and holds ");
            assertThat(Files.readAllBytes(taken)).isEqualTo(before);
        }
        Path smaller = out("s.safetensors");
        Run.of("lora", "resize", lora, "--rank", 2, "-o", smaller).ok();
        Run.of("lora", "resize", lora, "--rank", 1, "-o", smaller, "--force").ok();
    }

    @Test
    void aConversionLeavesItsModelAlone() throws IOException {
        Path folder = out("own");
        TinyModels.copy(MODEL, folder);
        for (String inside :
                List.of("unet/diffusion_pytorch_model.safetensors", "unet/x.safetensors")) {
            Run.of("convert", folder, "-o", folder.resolve(inside), "--force")
                    .fails(1, "Cannot write to", "lies inside its input " + folder);
        }
        assertThat(folder.resolve("unet/x.safetensors")).doesNotExist();
        Run.of("generate", "--model", folder, "--prompt", "cat", "--steps", 2, "-o", out("p.png"))
                .ok();
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
        Path xl = TinyModels.lora("tiny-sdxl", "kohya_sgm");
        Run.of("lora", "fuse", "--model", MODEL, "--lora", xl, "-o", out("no"))
                .fails(1, "kohya_sgm.safetensors", "another model");
        Run.of("generate", "--model", MODEL, "--lora", xl, "--prompt", "cat", "-o", out("no.png"))
                .fails(1, "kohya_sgm.safetensors", "another model");
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--lora",
                        "none.safetensors:0.5",
                        "--prompt",
                        "cat",
                        "-o",
                        out("no.png"))
                .fails(1, "There is no LoRA none.safetensors");
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--model",
                        MODEL,
                        "--ensemble",
                        "--lora",
                        TinyModels.lora("peft"),
                        "--prompt",
                        "cat",
                        "-o",
                        out("no.png"))
                .fails(1, "--lora is for single models");
        Run.of("lora", "fuse", "--model", MODEL.resolve(UNET), "--lora", xl, "-o", out("no"))
                .fails(1, "no diffusers folder", "is a UNet alone");
        Run.of("lora", "resize", TinyModels.lora("peft"), "--rank", 0, "-o", out("no.safetensors"))
                .fails(2, "--rank must be at least 1");
        Run.of(
                        "lora",
                        "resize",
                        TinyModels.lora("peft"),
                        "--rank",
                        2,
                        "--naming",
                        "x",
                        "-o",
                        out("no.safetensors"))
                .fails(2, "--naming must be kohya or peft");
        Run.of(
                        "lora",
                        "merge",
                        TinyModels.lora("peft"),
                        TinyModels.lora("kohya"),
                        "--weights",
                        "1",
                        "-o",
                        out("no.safetensors"))
                .fails(2, "1 weights for 2 LoRAs");
        Run.of(
                        "lora",
                        "merge",
                        TinyModels.lora("dora"),
                        TinyModels.lora("kohya"),
                        "-o",
                        out("no.safetensors"))
                .fails(1, "dora.safetensors", "soup lora fuse");
        assertThat(out("no")).doesNotExist();
        assertThat(out("no.png")).doesNotExist();
        assertThat(out("no.safetensors")).doesNotExist();
    }

    @Test
    void mergeRefusesFactorsAndNamesTheCommandForThem() {
        Run.of(
                        "merge",
                        TinyModels.lora("kohya"),
                        TinyModels.lora("kohya"),
                        "-o",
                        out("no.safetensors"))
                .fails(1, "kohya.safetensors holds a LoRA (kohya)", "'soup lora merge'");
    }

    /** A model with the mean in it is the mean of the models with one LoRA each. */
    @Test
    void theMeanInAModelIsTheMeanOfModels() throws IOException {
        Path a = TinyModels.lora("kohya");
        Path b = TinyModels.lora("peft");
        JsonNode made =
                json(
                        Run.of(
                                "lora",
                                "merge",
                                a,
                                b,
                                "--weights",
                                "2,1",
                                "-o",
                                out("mean.safetensors"),
                                "--json"));
        assertThat(made.path("relative_error").asDouble()).isZero();
        Run.of("lora", "fuse", "--model", MODEL, "--lora", a, "-o", out("a"), "-q").ok();
        Run.of("lora", "fuse", "--model", MODEL, "--lora", b, "-o", out("b"), "-q").ok();
        Run.of("merge", out("a"), out("b"), "--weights", "2,1", "-o", out("ab"), "-q").ok();
        Run.of(
                        "lora",
                        "fuse",
                        "--model",
                        MODEL,
                        "--lora",
                        out("mean.safetensors"),
                        "-o",
                        out("mean"),
                        "-q")
                .ok();
        try (SafetensorsFile x = SafetensorsFile.open(out("ab").resolve(UNET));
                SafetensorsFile y = SafetensorsFile.open(out("mean").resolve(UNET))) {
            for (String name : x.tensors().keySet()) {
                float[] one = x.floats(name);
                float[] other = y.floats(name);
                for (int i = 0; i < one.length; i++) {
                    assertThat(other[i]).isCloseTo(one[i], within(1e-6f));
                }
            }
        }
    }

    @Test
    void ranksShrinkWithTheirErrorAndDifferencesAreExtracted() throws IOException {
        Path a = TinyModels.lora("kohya");
        double before = 0;
        for (int rank : new int[] {8, 4, 2, 1}) {
            JsonNode made =
                    json(
                            Run.of(
                                    "lora",
                                    "resize",
                                    a,
                                    "--rank",
                                    rank,
                                    "-o",
                                    out("r" + rank + ".safetensors"),
                                    "--json"));
            double error = made.path("relative_error").asDouble();
            assertThat(error).isGreaterThanOrEqualTo(before);
            before = error;
        }
        assertThat(before).isBetween(0.2, 1.0);
        String text =
                Run.of(
                                "lora",
                                "resize",
                                a,
                                "--rank",
                                1,
                                "-o",
                                out("one.safetensors"),
                                "--naming",
                                "peft",
                                "--dtype",
                                "F16")
                        .ok()
                        .out();
        assertThat(text).contains("relative error", "misses most").containsPattern("\\d %");
        assertThat(Run.of("lora", "inspect", out("one.safetensors")).ok().out())
                .contains("LoRA (peft)");
        Path tuned = TinyModels.ingredient(out("tuned"), 5);
        Run some = Run.of("lora", "extract", MODEL, tuned, "--rank", 2, "-o", out("x.safetensors"));
        assertThat(some.ok().out())
                .contains("misses most", "a higher rank misses less; what is left out has");
        assertThat(some.err()).contains("tensors that differ are left out", "% of", "--vectors");
        JsonNode whole =
                json(
                        Run.of(
                                "lora",
                                "extract",
                                MODEL,
                                tuned,
                                "--rank",
                                500,
                                "--vectors",
                                "-o",
                                out("y.safetensors"),
                                "--json",
                                "-q"));
        assertThat(whole.path("relative_error").asDouble()).isLessThan(1e-5);
        assertThat(whole.path("left_out").asDouble()).isZero();
        Run full =
                Run.of("lora", "extract", MODEL, tuned, "--rank", 500, "-o", out("z.safetensors"));
        assertThat(full.ok().out()).contains("next to nothing; what is left out has");
        Run.of(
                        "lora",
                        "fuse",
                        "--model",
                        MODEL,
                        "--lora",
                        out("y.safetensors"),
                        "-o",
                        out("back"),
                        "-q")
                .ok();
        try (SafetensorsFile x = SafetensorsFile.open(tuned.resolve(UNET));
                SafetensorsFile y = SafetensorsFile.open(out("back").resolve(UNET))) {
            for (String name : x.tensors().keySet()) {
                float[] one = x.floats(name);
                float[] other = y.floats(name);
                for (int i = 0; i < one.length; i++) {
                    assertThat(other[i]).as(name).isCloseTo(one[i], within(2e-6f));
                }
            }
        }
    }
}
