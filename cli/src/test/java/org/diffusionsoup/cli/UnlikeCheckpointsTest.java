package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands over checkpoints that are not alike: what they say, write and make again. */
class UnlikeCheckpointsTest {
    @TempDir private Path dir;

    private Path file(String name, TensorEntry... tensors) {
        Path file = dir.resolve(name);
        SafetensorsWriter.write(file, Map.of("format", "pt"), List.of(tensors));
        return file;
    }

    private static TensorEntry floats(String name, long[] shape, float... values) {
        return TensorEntry.ofFloats(name, shape, values);
    }

    private static TensorEntry half(String name, float value) {
        short[] v = {Float.floatToFloat16(value)};
        return new TensorEntry(
                name, DType.F16, new long[] {1}, TensorBytes.of(MemorySegment.ofArray(v)));
    }

    private static TensorEntry counter(long value) {
        return new TensorEntry(
                "model_ema.num_updates", DType.I64, new long[] {}, TensorBytes.of(value));
    }

    private static float[] values(Path file, String tensor) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.floats(tensor);
        }
    }

    private void again(Path made) {
        Path out = dir.resolve("again-" + made.getFileName());
        Run.of("reproduce", made, "-o", out, "-q").ok();
        assertThat(out).hasSameBinaryContentAs(made);
    }

    @Test
    void earlierNamesOfAFlagGiveTheMeanAndCopiesAreTold() {
        Path a = file("a.safetensors", half("w", 1), counter(4));
        Path b = file("b.safetensors", floats("w", new long[] {1}, 3), counter(7));
        Run.of("merge", a, b, "-o", dir.resolve("no"), "--on-dtype", "convert", "-q")
                .fails(1, "num_updates", "--on-integers from-first");
        for (String word : List.of("convert", "from-first")) {
            Path out = dir.resolve(word + ".safetensors");
            Run run =
                    Run.of(
                                    "merge",
                                    a,
                                    b,
                                    "-o",
                                    out,
                                    "--on-dtype",
                                    word,
                                    "--on-integers",
                                    "from-first",
                                    "-q")
                            .ok();
            assertThat(values(out, "w")).containsExactly(2);
            assertThat(run.out())
                    .contains("1/2  b.safetensors")
                    .contains("Not averaged, but from a.safetensors alone: 1 of 2 tensors");
            again(out);
        }
    }

    @Test
    void aRecipeOrItsCommandPadsChannels() throws IOException {
        file("to.safetensors", floats("w", new long[] {1, 3}, 1, 2, 3));
        file("of.safetensors", floats("w", new long[] {1, 2}, 5, 7));
        file("from.safetensors", floats("w", new long[] {1, 2}, 4, 4));
        String recipe =
                """
                inputs: {to: to.safetensors, of: of.safetensors, from: from.safetensors}
                merge: {add: {to: to, scale: 1, delta: {difference: {of: of, from: from}}}}
                """;
        Path yaml = Files.writeString(dir.resolve("r.yaml"), recipe);
        Run.of("cook", yaml, "-o", dir.resolve("no"), "-q").fails(1, "on_shape: pad");
        Path asked = dir.resolve("asked.safetensors");
        Run.of("cook", yaml, "-o", asked, "--on-shape", "pad", "-q").ok();
        assertThat(values(asked, "w")).containsExactly(2, 5, 3);
        Files.writeString(yaml, recipe + "on_shape: pad\n");
        Path told = dir.resolve("told.safetensors");
        Run.of("cook", yaml, "-o", told, "-q").ok();
        assertThat(told).hasSameBinaryContentAs(asked);
        again(told);
    }

    @Test
    void aVariantIsReadWhereItIsAskedFor() throws IOException {
        for (int i = 0; i < 2; i++) {
            Path p = MergeModels.folder(dir.resolve("p" + i), i);
            file("p" + i + "/unet/diffusion_pytorch_model.fp16.safetensors", half("w", 1 + 2 * i));
        }
        Path full = dir.resolve("full");
        Run.of("merge", dir.resolve("p0"), dir.resolve("p1"), "-o", full, "-q").ok();
        String unet = "unet/diffusion_pytorch_model.safetensors";
        assertThat(values(full.resolve(unet), "up_blocks.0.w")).hasSize(40);
        Path half = dir.resolve("half");
        Run.of("merge", dir.resolve("p0"), dir.resolve("p1"), "-o", half, "--variant", "fp16", "-q")
                .ok();
        assertThat(values(half.resolve(unet), "w")).containsExactly(2);
        Path again = dir.resolve("again");
        Run.of("reproduce", half, "-o", again, "-q").ok();
        assertThat(again.resolve(unet)).hasSameBinaryContentAs(half.resolve(unet));
        Run.of("verify", dir.resolve("p0"), "-q").ok();
        Run.of("inspect", dir.resolve("p0"), "--no-hash").ok();
    }

    @Test
    void lowRankFactorsAreNamedAndNotMerged() {
        Path a =
                file(
                        "a.safetensors",
                        floats("lora_unet_x.lora_up.weight", new long[] {2, 1}, 1, 2));
        Path b =
                file(
                        "b.safetensors",
                        floats("lora_unet_x.lora_up.weight", new long[] {2, 1}, 3, 4));
        Path out = dir.resolve("out.safetensors");
        Run.of("merge", a, b, "-o", out, "-q")
                .fails(1, "a.safetensors", "LoRA (kohya)", "base first");
        Run.of("make", a, b, "-o", out, "-q").fails(1, "LoRA (kohya)");
        assertThat(out).doesNotExist();
        assertThat(Run.of("inspect", a, "--no-hash").ok().out()).contains("LoRA (kohya)");
    }

    @Test
    void halfAModelIsRefusedByEveryCommand() throws IOException {
        Path p = MergeModels.folder(dir.resolve("p"), 1);
        Path q = MergeModels.folder(dir.resolve("q"), 2);
        Files.delete(p.resolve("vae/diffusion_pytorch_model.safetensors"));
        Run.of("merge", q, p, "-o", dir.resolve("out"), "-q").fails(1, "'vae'", "no weights");
        Run.of("make", q, p, "-o", dir.resolve("out"), "-q").fails(1, "'vae'", "no weights");
        Run.of("diff", q, p, "-q").fails(1, "'vae'", "no weights");
        assertThat(Run.of("verify", p, "-q").status()).isEqualTo(1);
    }
}
