package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.diffusionsoup.core.method.Models.add;
import static org.diffusionsoup.core.method.Models.diff;
import static org.diffusionsoup.core.method.Models.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.method.recipe.RecipeException;
import org.diffusionsoup.core.method.recipe.RecipeReader;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The executor: same bytes however it runs, what it refuses, headers, folders. */
class MethodMergeTest {
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    /** Every method, two of them with first passes inside of first passes. */
    private static WeightExpr deep() {
        DeltaExpr ties =
                new Ties(
                        List.of(
                                new Dare(diff("a", "base"), Factor.of("0.3"), 5, true),
                                diff("b", "base"),
                                new DeltaSum(
                                        List.of(
                                                new DeltaSum.Term(
                                                        Factor.of("0.4"), diff("a", "b"))))),
                        Factor.of("0.35"));
        WeightExpr tied = new AddDelta(load("base"), Factor.of("0.9"), ties);
        WeightExpr fisher =
                new FisherMean(
                        List.of(
                                new FisherMean.Term(Factor.ONE, load("a"), "fa"),
                                new FisherMean.Term(Factor.ONE, load("b"), "fb")),
                        FisherMean.FLOOR);
        return new Slerp(
                new Slerp(tied, WeightedMean.of(load("a"), fisher), Factor.of("0.25")),
                load("b"),
                Factor.of("0.6"));
    }

    private void deepModels(DType dtype) {
        for (String m : List.of("base", "a", "b", "fa", "fb")) {
            List<TensorEntry> tensors = new ArrayList<>();
            int[] sizes = {50_000, 4096, 4097, 1, 0};
            for (int i = 0; i < sizes.length; i++) {
                double[] v = Models.random(m.hashCode() * 31L + i, dtype, sizes[i]);
                if (m.startsWith("f")) {
                    v = Arrays.stream(v).map(Math::abs).toArray();
                }
                tensors.add(Models.tensor("t" + i, dtype, v));
            }
            models.with(m, tensors.toArray(TensorEntry[]::new));
        }
    }

    @Test
    void threadsAndPiecesChangeNoByte() {
        deepModels(DType.F32);
        MergeRecipe recipe = models.recipe(deep());
        Path first = folder.resolve("first.safetensors");
        MethodMerge.create().threads(1).make(recipe, first);
        for (int threads : new int[] {1, 2, 8}) {
            for (int piece : new int[] {4096, 3 * 4096, 1 << 17}) {
                Path out = folder.resolve("t" + threads + "p" + piece + ".safetensors");
                MethodMerge.create().threads(threads).pieceElements(piece).make(recipe, out);
                assertThat(Models.bytes(out)).isEqualTo(Models.bytes(first));
            }
        }
        double[] t0 = Models.values(first, "t0");
        assertThat(t0).isNotEqualTo(Models.values(models.path("b"), "t0"));
    }

    @Test
    void theHeaderTellsTreeAndHashesAndNoPath() {
        deepModels(DType.F16);
        Path out = models.merge(deep());
        SoupRecipe recipe;
        try (SafetensorsFile f = SafetensorsFile.open(out)) {
            recipe = Provenance.readFrom(f.metadata()).orElseThrow().recipe();
        }
        assertThat(recipe.text()).doesNotContain(folder.toString()).doesNotContain(".safetensors");
        RecipeReader.Header header = RecipeReader.readHeader(recipe, "out");
        assertThat(header.component()).isEmpty();
        assertThat(header.sha256().keySet()).containsExactly("a", "b", "base", "fa", "fb");
        header.sha256()
                .forEach(
                        (name, sha) -> assertThat(sha).isEqualTo(Hashes.sha256(models.path(name))));
        assertThat(models.recipe(header.merge()).json())
                .as("reads as what it was written from")
                .isEqualTo(new MergeRecipe(models.recipe(deep()).inputs(), header.merge()).json());
        assertThat(Models.bytes(models.merge(header.merge())))
                .as("made again from the header's own tree")
                .isEqualTo(Models.bytes(out));
        SoupRecipe changed = new SoupRecipe(recipe.text().replace("3/5", "4/5"));
        assertThatThrownBy(() -> RecipeReader.readHeader(changed, "out"))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("it was changed");
    }

    private static TensorEntry ids(long... values) {
        return new TensorEntry(
                "ids", DType.I64, new long[] {values.length}, TensorBytes.of(values));
    }

    @Test
    void integersAreCopiedWhenAllAgree() {
        models.with("a", Models.tensor("w", DType.F32, 1), ids(1, 2, 3));
        models.with("b", Models.tensor("w", DType.F32, 3), ids(1, 2, 3));
        WeightExpr tree = add("a", "0.5", diff("b", "a"));
        Path out = models.merge(tree);
        assertThat(Models.values(out, "w")).containsExactly(2);
        try (SafetensorsFile f = SafetensorsFile.open(out);
                SafetensorsFile a = SafetensorsFile.open(models.path("a"))) {
            assertThat(f.data("ids").mismatch(a.data("ids"))).isEqualTo(-1);
        }
        models.with("b", Models.tensor("w", DType.F32, 3), ids(1, 2, 4));
        assertThatThrownBy(() -> models.merge(tree))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'ids' is I64 and differs");
    }

    @Test
    void nanAndInfinityAreCountedAndRefused() {
        Path bad = folder.resolve("bad.safetensors");
        SafetensorsWriter.write(
                bad,
                Map.of(),
                List.of(
                        TensorEntry.ofFloats(
                                "w",
                                new long[] {4},
                                1,
                                Float.NaN,
                                Float.POSITIVE_INFINITY,
                                Float.NaN)));
        models.with("a", DType.F32, 1, 2, 3, 4);
        SequencedMap<String, Path> inputs = new LinkedHashMap<>();
        inputs.put("a", models.path("a"));
        inputs.put("bad", bad);
        for (WeightExpr tree :
                List.of(
                        WeightedMean.of(load("a"), load("bad")),
                        add("a", "1", diff("bad", "a")),
                        new Slerp(load("a"), load("bad"), Factor.of("0.5")))) {
            Path out = folder.resolve("refused.safetensors");
            assertThatThrownBy(() -> MethodMerge.create().make(new MergeRecipe(inputs, tree), out))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("'w' of " + bad + " holds 2 NaN and 1 infinite")
                    .hasMessageContaining("out of 4");
            assertThat(out).doesNotExist();
        }
    }

    @Test
    void modelsThatDoNotFitAreRefused() {
        models.with("a", DType.F32, 1, 2).with("b", DType.F32, 1, 2, 3);
        assertThatThrownBy(() -> models.merge(WeightedMean.of(load("a"), load("b"))))
                .isInstanceOf(IncompatibleIngredientsException.class)
                .hasMessageContaining("tensor 'w' is F32[3] instead of F32[2]");
        models.with("b", Models.tensor("w", DType.F32, 1, 2), Models.tensor("x", DType.F32, 1));
        assertThatThrownBy(() -> models.merge(add("a", "1", diff("b", "a"))))
                .hasMessageContaining("'x' is not in the first");
    }

    @Test
    void dtypesMayDifferTheFirstDecides() {
        models.with("a", DType.F16, 1, 2).with("b", DType.F32, 2, 1 + 0x1p-20);
        Path out = models.merge(add("a", "1", diff("b", "a")));
        assertThat(Models.values(out, "w")).containsExactly(2, 1);
        assertThat(Models.values(models.merge(WeightedMean.of(load("a"), load("b"))), "w"))
                .hasSize(2);
    }

    @Test
    void inputsAndOutputsAreChecked() throws IOException {
        models.with("a", DType.F32, 1).with("b", DType.F32, 2);
        SequencedMap<String, Path> inputs = new LinkedHashMap<>();
        inputs.put("a", models.path("a"));
        assertThatThrownBy(() -> new MergeRecipe(inputs, WeightedMean.of(load("a"), load("b"))))
                .hasMessageContaining("uses 'b', which is none of its inputs [a]");
        inputs.put("b", models.path("b"));
        assertThatThrownBy(() -> new MergeRecipe(inputs, load("a")))
                .hasMessageContaining("'b' is not used");
        MergeRecipe recipe = new MergeRecipe(inputs, WeightedMean.of(load("a"), load("b")));
        assertThatThrownBy(() ->
                        MethodMerge.create().replaceExisting(true).make(recipe, models.path("a")))
                .hasMessageContaining("that is, holds or lies inside its input");
        Path out = folder.resolve("there.safetensors");
        Files.writeString(out, "old");
        for (boolean replace : new boolean[] {false, true}) {
            assertThatThrownBy(
                            () -> MethodMerge.create().replaceExisting(replace).make(recipe, out))
                    .hasMessageContaining("is a text file, not a model; it is not replaced");
            assertThat(out).hasContent("old");
        }
        Files.copy(models.path("a"), out, StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> MethodMerge.create().make(recipe, out))
                .hasMessageContaining("exists");
        assertThat(out).hasSameBinaryContentAs(models.path("a"));
        MethodMerge.create().replaceExisting(true).make(recipe, out);
        assertThat(Models.values(out, "w")).containsExactly(1.5);
        assertThatThrownBy(() -> new Load("../a")).hasMessageContaining("no name of an input");
    }

    private Path pipeline(String name, double unet, double vae) throws IOException {
        Path p = folder.resolve(name);
        Files.createDirectories(p.resolve("unet"));
        Files.createDirectories(p.resolve("vae"));
        Files.writeString(
                p.resolve("model_index.json"),
                """
                {"_class_name": "StableDiffusionPipeline",
                 "unet": ["diffusers", "UNet2DConditionModel"],
                 "vae": ["diffusers", "AutoencoderKL"]}
                """);
        Files.writeString(p.resolve("unet/config.json"), "{}");
        Files.writeString(p.resolve("vae/config.json"), "{}");
        SafetensorsWriter.write(
                p.resolve("unet/diffusion_pytorch_model.safetensors"),
                Map.of(),
                List.of(
                        Models.tensor("down_blocks.0.w", DType.F32, unet),
                        Models.tensor("up_blocks.0.w", DType.F32, unet)));
        SafetensorsWriter.write(
                p.resolve("vae/diffusion_pytorch_model.safetensors"),
                Map.of(),
                List.of(Models.tensor("down_blocks.0.w", DType.F32, vae)));
        return p;
    }

    @Test
    void componentsOfFoldersStandBeforeTheNames() throws IOException {
        SequencedMap<String, Path> inputs = new LinkedHashMap<>();
        inputs.put("base", pipeline("base", 1, 10));
        inputs.put("a", pipeline("a", 3, 20));
        Factor scale =
                new Factor(
                        List.of(
                                new Factor.Rule(
                                        NamePattern.glob("unet.down_blocks.*"), Rational.of(2)),
                                new Factor.Rule(NamePattern.glob("vae.*"), Rational.of(0))),
                        Rational.ONE);
        Path out = folder.resolve("merged");
        Merged merged =
                MethodMerge.create()
                        .make(
                                new MergeRecipe(
                                        inputs,
                                        new AddDelta(load("base"), scale, diff("a", "base"))),
                                out);
        Path unet = out.resolve("unet/diffusion_pytorch_model.safetensors");
        assertThat(Models.values(unet, "down_blocks.0.w")).containsExactly(5);
        assertThat(Models.values(unet, "up_blocks.0.w")).containsExactly(3);
        assertThat(
                        Models.values(
                                out.resolve("vae/diffusion_pytorch_model.safetensors"),
                                "down_blocks.0.w"))
                .containsExactly(10);
        assertThat(out.resolve("model_index.json")).exists();
        assertThat(merged.tensors()).isEqualTo(3);
        try (SafetensorsFile f = SafetensorsFile.open(unet)) {
            SoupRecipe recipe = Provenance.readFrom(f.metadata()).orElseThrow().recipe();
            RecipeReader.Header header = RecipeReader.readHeader(recipe, "unet");
            assertThat(header.component()).isEqualTo("unet");
            assertThat(header.sha256())
                    .containsEntry(
                            "a",
                            Hashes.sha256(
                                    folder.resolve("a/unet/diffusion_pytorch_model.safetensors")));
        }
    }

    @Test
    void progressEndsAtTheTotal() {
        deepModels(DType.F32);
        List<String> steps = new ArrayList<>();
        MethodMerge.create()
                .progress((what, done, total) -> {
                    if (done == total) {
                        steps.add(what);
                    }
                })
                .make(models.recipe(deep()), folder.resolve("p.safetensors"));
        assertThat(steps).startsWith("hashing").endsWith("merging");
    }
}
