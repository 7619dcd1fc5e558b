package org.diffusionsoup.workbench.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.method.MethodMerge;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.merge.Reproduction.Compared;
import org.diffusionsoup.workbench.merge.Reproduction.Verdict;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Soups of every option of the souper, and of sharded inputs, are made again from headers. */
class ReproducerTest {
    @TempDir private Path folder;
    private Path a;
    private Path b;

    @BeforeEach
    void ingredients() {
        a = write(folder.resolve("a.safetensors"), 1);
        b = write(folder.resolve("b.safetensors"), 2);
    }

    private static List<TensorEntry> tensors(long seed) {
        Random r = new Random(seed);
        List<TensorEntry> list = new ArrayList<>();
        for (String name : List.of("x", "y", "z")) {
            float[] v = new float[100];
            for (int i = 0; i < v.length; i++) {
                v[i] = (float) r.nextGaussian();
            }
            list.add(TensorEntry.ofFloats(name, new long[] {10, 10}, v));
        }
        return list;
    }

    private static Path write(Path file, long seed) {
        SafetensorsWriter.write(file, Map.of(), tensors(seed));
        return file;
    }

    private static Path pipeline(Path p, long seed) throws IOException {
        Files.createDirectories(p.resolve("unet"));
        Files.createDirectories(p.resolve("vae"));
        Files.writeString(
                p.resolve("model_index.json"),
                """
                {"_class_name": "X", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"]}
                """);
        Files.writeString(p.resolve("unet/config.json"), "{}");
        Files.writeString(p.resolve("vae/config.json"), "{}");
        write(p.resolve("unet/diffusion_pytorch_model.safetensors"), seed);
        write(p.resolve("vae/diffusion_pytorch_model.safetensors"), seed + 50);
        return p;
    }

    private static List<SoupIngredient> oneToTwo(Path first, Path second) {
        return List.of(
                SoupIngredient.of(first, Coefficient.parse("1")),
                SoupIngredient.of(second, Coefficient.parse("2")));
    }

    private static Reproduction reproduce(Path file) {
        return new Reproducer(HashCache.none(), Progress.silent(), SoupProgress.NONE)
                .reproduce(file, List.of(), Optional.empty());
    }

    @Test
    void anotherDtype() {
        Path soup = folder.resolve("soup.safetensors");
        Souper.with(SoupOptions.DEFAULT.withOutputDType(Optional.of(DType.BF16)))
                .make(oneToTwo(a, b), soup);
        assertThat(reproduce(soup).files())
                .containsExactly(new Compared("soup.safetensors", Verdict.IDENTICAL));
    }

    @Test
    void infinitiesAllowed() {
        Path c = folder.resolve("c.safetensors");
        SafetensorsWriter.write(
                c,
                Map.of(),
                List.of(TensorEntry.ofFloats("x", new long[] {2}, 1, Float.POSITIVE_INFINITY)));
        Path soup = folder.resolve("soup.safetensors");
        Souper.with(SoupOptions.DEFAULT.withAllowNonFinite(true)).make(oneToTwo(c, c), soup);
        assertThat(reproduce(soup).isIdentical()).isTrue();
    }

    @Test
    void someComponentsOnly() throws IOException {
        Path first = pipeline(folder.resolve("first"), 1);
        Path second = pipeline(folder.resolve("second"), 2);
        Path soup = folder.resolve("soup");
        Souper.with(SoupOptions.DEFAULT.withComponents(List.of("unet")))
                .make(oneToTwo(first, second), soup);
        Reproduction again = reproduce(soup);
        assertThat(again.isIdentical()).isTrue();
        assertThat(again.files()).hasSize(5);
    }

    @Test
    void aShardedSoupIsComparedTensorByTensor() throws IOException {
        Path soup = folder.resolve("soup");
        Souper.with(SoupOptions.DEFAULT.withWriter(new CheckpointWriter(false, 500)))
                .make(oneToTwo(a, b), soup);
        assertThat(Files.list(soup).count())
                .as("three shards, an index and the list of files")
                .isEqualTo(5);
        Reproduction again = reproduce(soup);
        assertThat(again.files())
                .extracting(Compared::verdict)
                .containsExactly(Verdict.IDENTICAL_CONTENT);
        assertThat(again.isIdentical()).isTrue();
        Path shard = soup.resolve("model-00002-of-00003.safetensors");
        Map<String, String> header;
        try (SafetensorsFile open = SafetensorsFile.open(shard)) {
            header = open.metadata();
        }
        SafetensorsWriter.write(
                shard,
                header,
                List.of(TensorEntry.ofFloats("y", new long[] {10, 10}, new float[100])));
        assertThat(reproduce(soup).isIdentical()).isFalse();
    }

    @Test
    void shardedInputsAreFoundByAllTheirFiles() throws IOException {
        Path sharded = folder.resolve("inputs/sharded");
        try (Checkpoint like = Checkpoint.open(a)) {
            new CheckpointWriter(false, 500)
                    .write(like, Map.of("", new StateDict(Map.of(), tensors(3))), sharded);
        }
        Path recipe =
                Files.writeString(
                        folder.resolve("r.yaml"),
                        """
                        inputs: {a: a.safetensors, big: inputs/sharded}
                        merge: {slerp: {from: a, to: big, t: 0.5}}
                        """);
        Path merged = folder.resolve("merged.safetensors");
        MethodMerge.create().make(YamlRecipes.read(recipe), merged);
        assertThat(reproduce(merged).isIdentical()).isTrue();
        Files.move(
                folder.resolve("inputs/sharded/model-00001-of-00003.safetensors"),
                folder.resolve("inputs/sharded/model-00001-of-00004.safetensors"));
        assertThatThrownBy(() -> reproduce(merged))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("1 of 2 inputs not found")
                .hasMessageContaining("big (sha256 ");
    }

    @Test
    void aSoupOfMerges() throws IOException {
        Path recipe =
                Files.writeString(
                        folder.resolve("r.yaml"),
                        """
                        inputs: {a: a.safetensors, b: b.safetensors}
                        merge:
                          add:
                            to: a
                            delta: {ties: {density: 1/3, deltas: [{difference: {of: b, from: a}}]}}
                        """);
        Path merged = folder.resolve("merged.safetensors");
        MethodMerge.create().make(YamlRecipes.read(recipe), merged);
        Path soup = folder.resolve("soup.safetensors");
        Souper.create().make(oneToTwo(merged, b), soup);
        assertThat(reproduce(soup).inputs())
                .extracting(f -> f.name() + " " + f.path().getFileName())
                .containsExactlyInAnyOrder(
                        "merged.safetensors merged.safetensors", "b.safetensors b.safetensors");
        assertThat(reproduce(soup).isIdentical()).isTrue();
    }
}
