package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.method.recipe.RecipeReader;
import org.diffusionsoup.core.method.tensor.PaddedTensor;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Recipes over weights that are not alike: padded channels, buffers, missing tensors. */
class UnlikeWeightsTest {
    private static final String W = "model.diffusion_model.input_blocks.0.0.weight";

    @TempDir Path dir;

    private final SequencedMap<String, Path> inputs = new LinkedHashMap<>();
    private int made;

    private void input(String name, TensorEntry... tensors) {
        Path file = dir.resolve(name + ".safetensors");
        SafetensorsWriter.write(file, Map.of(), List.of(tensors));
        inputs.put(name, file);
    }

    private Path cook(WeightExpr tree, MismatchPolicy policy) {
        Path out = dir.resolve("out" + made++ + ".safetensors");
        MethodMerge.create().threads(2).make(new MergeRecipe(inputs, tree, policy), out);
        return out;
    }

    private static WeightExpr addDifference(String to, String of, String from) {
        return new AddDelta(new Load(to), Factor.ONE, new Difference(new Load(of), new Load(from)));
    }

    private static float[] random(long seed, int n) {
        Random r = new Random(seed);
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] = r.nextInt(-64, 64) / 16f; // sums are exact in every order
        }
        return v;
    }

    private static float[] values(Path file, String tensor) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.floats(tensor);
        }
    }

    /** conv_in of [outputs, channels, 3, 3]; more channels are added to the first four. */
    @Test
    void aModelOfMoreChannelsTakesADifferenceOfFewer() {
        int outputs = 40;
        for (int channels : new int[] {8, 9}) {
            inputs.clear();
            float[] large = random(channels, outputs * channels * 9);
            float[] of = random(1, outputs * 4 * 9);
            float[] from = random(2, outputs * 4 * 9);
            float[] v = {1, 2};
            long[] small = {outputs, 4, 3, 3};
            input(
                    "to" + channels,
                    TensorEntry.ofFloats(W, new long[] {outputs, channels, 3, 3}, large),
                    TensorEntry.ofFloats("v", new long[] {2}, v));
            input(
                    "of" + channels,
                    TensorEntry.ofFloats(W, small, of),
                    TensorEntry.ofFloats("v", new long[] {2}, 5, 5));
            input(
                    "from" + channels,
                    TensorEntry.ofFloats(W, small, from),
                    TensorEntry.ofFloats("v", new long[] {2}, 4, 3));
            WeightExpr tree = addDifference("to" + channels, "of" + channels, "from" + channels);
            assertThatThrownBy(() -> cook(tree, MismatchPolicy.REFUSE))
                    .isInstanceOf(IncompatibleIngredientsException.class)
                    .hasMessageContaining("on_shape: pad");
            Path out = cook(tree, MismatchPolicy.REFUSE.withShape(OnShape.PAD));
            float[] expected = large.clone();
            for (int o = 0; o < outputs; o++) {
                for (int i = 0; i < 4 * 9; i++) {
                    expected[o * channels * 9 + i] += of[o * 36 + i] - from[o * 36 + i];
                }
            }
            assertThat(values(out, W)).containsExactly(expected);
            assertThat(values(out, "v")).containsExactly(2, 4);
        }
    }

    @Test
    void elementsThatOneLacksAreOfTheOthers() {
        input("a", TensorEntry.ofFloats("w", new long[] {2, 3}, 1, 2, 3, 4, 5, 6));
        input("b", TensorEntry.ofFloats("w", new long[] {1, 2}, 3, 6));
        WeightExpr to =
                new AddDelta(
                        new Load("a"), Factor.ONE, new Difference(new Load("a"), new Load("b")));
        // 2a - b where b has the element; no difference where it has none.
        assertThat(values(cook(to, MismatchPolicy.REFUSE.withShape(OnShape.PAD)), "w"))
                .containsExactly(-1, -2, 3, 4, 5, 6);
        WeightExpr slerp =
                new Slerp(new Load("a"), new Load("b"), Factor.of(Rational.parse("1/2")));
        assertThatThrownBy(() -> cook(slerp, MismatchPolicy.REFUSE.withShape(OnShape.PAD)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("slerp and ties measure whole tensors");
        WeightExpr reversed =
                new AddDelta(
                        new Load("b"), Factor.ONE, new Difference(new Load("a"), new Load("b")));
        assertThatThrownBy(() -> cook(reversed, MismatchPolicy.REFUSE.withShape(OnShape.PAD)))
                .as("a larger one does not fit")
                .isInstanceOf(IncompatibleIngredientsException.class);
    }

    @Test
    void paddedReadsAreThoseOfAPaddedArrayFromAnyByteOn() {
        long[] large = {3, 4, 5};
        long[] small = {2, 3, 5};
        float[] own = random(3, 30);
        float[] whole = new float[60];
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 3; j++) {
                System.arraycopy(own, (i * 3 + j) * 5, whole, (i * 4 + j) * 5, 5);
            }
        }
        input("x", TensorEntry.ofFloats("w", small, own));
        try (SafetensorsFile f = SafetensorsFile.open(inputs.firstEntry().getValue());
                var arena = java.lang.foreign.Arena.ofConfined()) {
            PaddedTensor p = new PaddedTensor(f, f.tensor("w"), large);
            for (int from = 0; from < 60; from++) {
                for (int n = 1; n <= 60 - from; n++) {
                    var s = arena.allocate(4L * n, 4);
                    p.read("w", 4L * from, s);
                    float[] expected = java.util.Arrays.copyOfRange(whole, from, from + n);
                    assertThat(s.toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT))
                            .containsExactly(expected);
                }
            }
            for (int e = 0; e < 60; e++) {
                boolean has = e / 20 < 2 && e / 5 % 4 < 3;
                assertThat(p.has(e)).as("element %d", e).isEqualTo(has);
            }
        }
    }

    private static TensorEntry longs(String name, long... v) {
        return new TensorEntry(name, DType.I64, new long[] {v.length}, TensorBytes.of(v));
    }

    @Test
    void buffersAreThoseOfTheFirstWhereTheRecipeSaysSo() {
        input("a", TensorEntry.ofFloats("w", new long[] {1}, 1), longs("ids", 0, 1), longs("n", 1));
        input("b", TensorEntry.ofFloats("w", new long[] {1}, 2), longs("n", 2));
        input(
                "c",
                TensorEntry.ofFloats("w", new long[] {1}, 5),
                TensorEntry.ofFloats("ids", new long[] {2}, 0, 1),
                longs("n", 3));
        WeightExpr tree = addDifference("a", "c", "b");
        assertThatThrownBy(() -> cook(tree, MismatchPolicy.REFUSE))
                .hasMessageContaining("tensor 'ids' is F32[2] instead of I64[2]")
                .hasMessageContaining("on_integers: from_first");
        assertThatThrownBy(
                        () -> cook(tree, MismatchPolicy.REFUSE.withIntegers(OnInteger.FROM_FIRST)))
                .hasMessageContaining("tensor 'ids' is missing")
                .hasMessageContaining("on_missing: average_present");
        MismatchPolicy missing = MismatchPolicy.REFUSE.withMissing(OnMissing.AVERAGE_PRESENT);
        assertThatThrownBy(() -> cook(tree, missing))
                .hasMessageContaining("on_integers: from_first");
        MismatchPolicy policy = missing.withIntegers(OnInteger.FROM_FIRST);
        Path out = cook(tree, policy);
        assertThat(values(out, "w")).containsExactly(4);
        try (SafetensorsFile open = SafetensorsFile.open(out)) {
            assertThat(open.tensor("ids").dtype()).isEqualTo(DType.I64);
            assertThat(open.data("n").get(java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED, 0))
                    .isEqualTo(1);
            String recipe = Provenance.readFrom(open.metadata()).orElseThrow().recipe().text();
            RecipeReader.Header header = RecipeReader.readHeader(new SoupRecipe(recipe), "out");
            assertThat(header.policy()).isEqualTo(policy);
            assertThat(recipe).contains("\"copied\":\"2 of 3 tensors: ids, n\"");
            assertThatThrownBy(() ->
                            RecipeReader.readHeader(
                                    new SoupRecipe(recipe.replace("average_present", "drop")),
                                    "out"))
                    .hasMessageContaining("sha256");
        }
        Path dropped = cook(tree, policy.withMissing(OnMissing.DROP));
        try (SafetensorsFile open = SafetensorsFile.open(dropped)) {
            assertThat(open.tensors().keySet()).containsExactlyInAnyOrder("n", "w");
        }
    }

    @Test
    void policiesAreReadInTheWordsOfTheCommandLineToo() throws java.io.IOException {
        String yaml =
                """
                {"inputs": {"a": "a.safetensors", "b": "b.safetensors"},
                 "merge": {"mean": ["a", "b"]},
                 "on_missing": "average-present", "on_shape": "pad", "on_integers": "from_first"}
                """;
        try (var parser = new com.fasterxml.jackson.core.JsonFactory().createParser(yaml)) {
            MergeRecipe recipe = RecipeReader.read(parser, "x", dir);
            SortedMap<String, String> words = new TreeMap<>();
            recipe.policy().describe(words);
            assertThat(words)
                    .containsOnly(
                            Map.entry("on_missing", "average_present"),
                            Map.entry("on_shape", "pad"),
                            Map.entry("on_integers", "from_first"));
        }
        List<String> bad = new ArrayList<>(List.of("\"on_extra\": \"keep\"", "\"on_shape\": 3"));
        for (String b : bad) {
            String other = yaml.replace("\"on_shape\": \"pad\"", b);
            assertThatThrownBy(
                            () -> {
                                try (var p =
                                        new com.fasterxml.jackson.core.JsonFactory()
                                                .createParser(other)) {
                                    RecipeReader.read(p, "x", dir);
                                }
                            })
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining(b.substring(1, 9));
        }
    }
}
