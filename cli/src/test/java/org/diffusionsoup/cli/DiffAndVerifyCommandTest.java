package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** {@code soup diff} and {@code soup verify} on real command lines. */
@ResourceLock("soup.cache")
class DiffAndVerifyCommandTest {
    @TempDir private Path folder;

    private static JsonNode json(Run run) throws IOException {
        return new ObjectMapper().readTree(run.out());
    }

    private Path write(String name, Map<String, String> metadata, float... w) {
        Path file = folder.resolve(name);
        SafetensorsWriter.write(
                file, metadata, List.of(TensorEntry.ofFloats("w", new long[] {w.length}, w)));
        return file;
    }

    @Test
    void diffTellsDistanceCosineAndDrawsAPicture() throws IOException {
        Path c = write("c.safetensors", Map.of(), 1, 1);
        Path a = write("a.safetensors", Map.of(), 3, 1);
        Path b = write("b.safetensors", Map.of(), 2, 2);
        Path png = folder.resolve("d.png");
        JsonNode json = json(Run.of("diff", a, b, "--base", c, "--plot", png, "--json").ok());
        assertThat(json.at("/total/relative_distance").asDouble())
                .isEqualTo(Math.sqrt(0.2), within(1e-12));
        assertThat(json.at("/total/cosine").asDouble()).isEqualTo(Math.sqrt(0.5), within(1e-12));
        assertThat(json.at("/total/max_abs").asDouble()).isEqualTo(1);
        assertThat(json.at("/worst/0/tensor").asText()).isEqualTo("w");
        assertThat(Files.readAllBytes(png)).startsWith(0x89, 'P', 'N', 'G');
        assertThat(Run.of("diff", a, b, "--base", c).ok().out())
                .contains("1 tensor: 1 different", "relative distance 0.447", "cosine 0.7071");
        assertThat(Run.of("diff", a, a).ok().out()).contains("1 tensor: 1 equal");
        Run.of("diff", a, b, "--depth", "0").fails(2, "--depth");
        Run.of("diff", a, folder.resolve("none")).fails(1, "none");
    }

    @Test
    void diffOfFoldersGoesByComponent() throws IOException {
        JsonNode json = json(Run.of("diff", TinyModels.sd15(), TinyModels.sd15(), "--json").ok());
        assertThat(json.at("/total/relative_distance").asDouble()).isZero();
        assertThat(json.findValuesAsText("component")).contains("unet", "vae", "text_encoder");
        assertThat(json.findValuesAsText("block")).contains("down_blocks.0.attentions.0");
        assertThat(Run.of("diff", TinyModels.sd15(), TinyModels.sd21()).ok().out())
                .contains("of another shape or kind", "unet");
    }

    @Test
    void checkpointsOfPyTorchAreReadByEveryCommand() throws IOException {
        Path ckpt = TinyModels.torch("lightning.ckpt");
        JsonNode seen = json(Run.of("inspect", ckpt, "--json").ok());
        assertThat(seen.findValuesAsText("tensors")).contains("4");
        String hash = json(Run.of("verify", ckpt, "--json").ok()).path("weights_sha256").asText();
        assertThat(hash).matches("[0-9a-f]{64}");

        Path soup = folder.resolve("soup.safetensors");
        Run.of("merge", ckpt, ckpt, "-o", soup).ok();
        assertThat(WeightsHash.of(soup)).isEqualTo(hash);
        assertThat(Run.of("diff", ckpt, soup).ok().out()).contains("4 tensors: 4 equal");

        Path code = TinyModels.torch("whole-module.pt");
        String refused = code + " asks to run 'torch.nn.modules.container.Sequential'";
        Run.of("inspect", code).fails(1, refused);
        Run.of("diff", ckpt, code).fails(1, refused);
        Run verify = Run.of("verify", code);
        assertThat(verify.status()).isEqualTo(1);
        assertThat(verify.out()).contains("structure  " + refused);
    }

    @Test
    void aSoundModelPassesAndItsHashesAreTheUsualOnes() throws IOException {
        Path file = Checkpoints.of(folder.resolve("a.safetensors"), 1.5f, 7);
        JsonNode json = json(Run.of("verify", file, "--json").ok());
        assertThat(json.path("sound").asBoolean()).isTrue();
        assertThat(json.at("/files/0/sha256").asText()).isEqualTo(Hashes.sha256(file));
        assertThat(json.path("weights_sha256").asText()).isEqualTo(WeightsHash.of(file));
        Run.of("verify", file, "--against", Hashes.sha256(file)).ok();
        Run.of("verify", file, "--against", WeightsHash.of(file)).ok();
        Run.of("verify", file, "--against", file).ok();

        JsonNode tiny = json(Run.of("verify", TinyModels.sd15(), "--json").ok());
        assertThat(tiny.path("weights_sha256").asText())
                .isEqualTo(WeightsHash.of(TinyModels.sd15()));
    }

    @Test
    void weightsUnderOtherNamesAreTheSameAndAreRun() throws IOException {
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve("halves"));
        Path plain = model.resolve("unet/diffusion_pytorch_model.safetensors");
        Files.move(plain, plain.resolveSibling("diffusion_pytorch_model.fp16.safetensors"));
        Run.of("verify", model, "--against", TinyModels.sd15()).ok();
        Path whole = folder.resolve("halves-whole");
        Path png = folder.resolve("x.png");
        System.setProperty("soup.cache", folder.resolve("cache").toString());
        try {
            Run.of("generate", "--model", model, "--prompt", "x", "--steps", 1, "-o", png).ok();
        } finally {
            System.clearProperty("soup.cache");
        }
        Run.of("merge", model, "-o", whole).ok();
        Run.of("generate", "--model", whole, "--prompt", "x", "--steps", 1, "-o", png).ok();
    }

    private Run found(Path model, String what, Object... more) {
        Object[] args = new Object[2 + more.length];
        args[0] = "verify";
        args[1] = model;
        System.arraycopy(more, 0, args, 2, more.length);
        Run run = Run.of(args);
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("finding");
        assertThat(run.out()).contains(what);
        return run;
    }

    @Test
    void everyKindOfFaultIsFound() throws IOException {
        float inf = Float.POSITIVE_INFINITY;
        found(
                write("nan.safetensors", Map.of(), 1, Float.NaN, inf, Float.NaN),
                "values  w: 2 NaN and 1 infinite of 4 values");
        Path good = write("good.safetensors", Map.of(), 1, 2);
        found(good, "hash  ", "--against", "0".repeat(64));
        Path other = write("other.safetensors", Map.of(), 1, 3);
        Run differ = found(good, "hash  weights", "--against", other);
        assertThat(differ.out()).contains(WeightsHash.of(other));
        assertThat(differ.err())
                .as("the closing sentence repeats nothing")
                .doesNotContain(WeightsHash.of(other), WeightsHash.of(good));
        Path cut = folder.resolve("cut.safetensors");
        byte[] bytes = Files.readAllBytes(good);
        Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 1));
        found(cut, "structure  ");
        found(write("recipe.safetensors", Map.of("soup.recipe", "{no json"), 1), "does not parse");
        String third =
                "{\"name\":\"a\",\"sha256\":\"" + "0".repeat(64) + "\",\"coefficient\":\"1/3\"}";
        String recipe =
                "{\"method\":\"weighted average\",\"ingredients\":[" + third + "," + third + "]}";
        found(
                write("sum.safetensors", Map.of("soup.recipe", recipe), 1),
                "provenance  the recorded coefficients sum to 2/3, not 1");
        Path tiny = folder.resolve("tiny");
        DiffusersFolder.open(TinyModels.sd15()).copyTo(tiny, false, Map.of());
        Files.delete(tiny.resolve("vae/diffusion_pytorch_model.safetensors"));
        Files.delete(tiny.resolve("unet/config.json"));
        found(tiny, "structure  vae: no weights");
        found(tiny, "structure  unet: ");
        Run.of("verify", folder.resolve("none")).fails(1, "There is no");
        Run.of("verify", good, "--against", "nonsense")
                .fails(2, "--against takes a SHA-256", "'nonsense' is none");
    }

    /** What is found is said once, and names its file once or as its reader does. */
    @Test
    void aFindingIsNotSaidTwice() throws IOException {
        Path good = Checkpoints.of(folder.resolve("whole.safetensors"), 1, 5);
        byte[] bytes = Files.readAllBytes(good);
        Path cut = folder.resolve("cut.safetensors");
        Files.write(cut, Arrays.copyOf(bytes, bytes.length - 2));
        Run run = Run.of("verify", cut);
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).contains("structure  Malformed checkpoint " + cut);
        assertThat(run.err()).endsWith("1 finding in " + cut + ", listed in the report.\n");
    }

    @Test
    void aSoupsRecordedCoefficientsPass() {
        Path a = write("a.safetensors", Map.of(), 1, 2);
        Path b = write("b.safetensors", Map.of(), 3, 2);
        Path soup = folder.resolve("soup.safetensors");
        Run.of("make", a, b, "-o", soup, "--weights", "1,2").ok();
        Run.of("verify", soup).ok();
    }

    @Test
    void inspectNamesArchitectureAndTheComponentsOfASingleFile() throws IOException {
        Path file = folder.resolve("ldm.safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(
                        TensorEntry.ofFloats(
                                "model.diffusion_model.input_blocks.0.0.weight",
                                new long[] {1, 4, 1, 1},
                                1,
                                2,
                                3,
                                4),
                        TensorEntry.ofFloats(
                                "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
                                new long[] {1, 768},
                                new float[768]),
                        TensorEntry.ofFloats(
                                "first_stage_model.quant_conv.bias", new long[] {1}, 1)));
        JsonNode json = json(Run.of("inspect", file, "--json").ok());
        assertThat(json.path("architecture").asText()).isEqualTo("Stable Diffusion 1.x");
        assertThat(json.path("layout").asText()).isEqualTo("safetensors");
        assertThat(json.at("/holds/unet/parameters").asLong()).isEqualTo(772);
        assertThat(json.at("/holds/vae/tensors").asLong()).isEqualTo(1);
        assertThat(Run.of("inspect", file).ok().out())
                .contains("Stable Diffusion 1.x", "holds", "vae");
    }

    @Test
    void aComponentAloneIsNotToBeConverted() {
        Path unet = TinyModels.sd15().resolve("unet/diffusion_pytorch_model.safetensors");
        Run.of("diff", TinyModels.sd21(), unet)
                .fails(1, "no tensor in common", "one component alone (UNet)", "in the other");
        Run.of("diff", unet, unet, "--depth", 0).fails(2, "--depth must be at least 1, not 0");
    }
}
