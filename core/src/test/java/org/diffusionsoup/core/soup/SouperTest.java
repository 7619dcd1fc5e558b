package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.kernel.AverageKernelTest;
import org.diffusionsoup.core.kernel.ExactKernel;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsTest;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class SouperTest {
    public static final Path TINY = Path.of("src/test/resources/tiny-sd15");

    @TempDir Path dir;

    @Test
    void bytesDependNeitherOnOrderNorThreadsNorKernel() throws IOException {
        List<SoupIngredient> ingredients =
                List.of(
                        SoupIngredient.of(mixed("a", 1), Coefficient.parse("0.5")),
                        SoupIngredient.of(mixed("b", 2), Coefficient.parse("1/3")),
                        SoupIngredient.of(mixed("c", 3), Coefficient.parse("1/6")));
        Path one = dir.resolve("one");
        Soup soup = Souper.create().threads(1).make(ingredients, one);
        Path two = dir.resolve("two");
        Souper.create().threads(5).bufferBytes(1).make(ingredients.reversed(), two);
        Path three = dir.resolve("three");
        Souper.create().kernels(ExactKernel::new).bufferBytes(1 << 20).make(ingredients, three);
        assertThat(two).hasSameBinaryContentAs(one);
        assertThat(three).hasSameBinaryContentAs(one);
        assertThat(soup.tensors()).isEqualTo(5);
        assertThat(soup.parameters()).isEqualTo(300_001 + 77 + 9 + 5);
    }

    @Test
    void coefficientsAreNormalisedAndKeptInTheHeaderWithHashes() {
        Path a = floats("a", 1f, 4f);
        Path b = floats("b", 3f, 0f);
        Path out = dir.resolve("soup");
        Soup soup =
                Souper.create()
                        .make(
                                List.of(
                                        SoupIngredient.of(a, Coefficient.parse("3")),
                                        SoupIngredient.of(b)),
                                out);
        try (SafetensorsFile f = SafetensorsFile.open(out)) {
            assertThat(f.floats("w")).containsExactly(1.5f, 3f);
            Provenance p = Provenance.readFrom(f.metadata()).orElseThrow();
            assertThat(p.recipe().text())
                    .contains("\"name\":\"a\"", Hashes.sha256(a), Hashes.sha256(b))
                    .contains("\"coefficient\":\"3/4\"", "\"coefficient\":\"1/4\"")
                    .doesNotContain(dir.toString());
            assertThat(f.metadata()).containsEntry("format", "pt");
        }
        assertThat(soup.ingredients())
                .extracting(i -> i.name() + " " + i.coefficient())
                .containsExactlyInAnyOrder("a 3/4", "b 1/4");
    }

    @Test
    void aDiffusersFolderIsAveragedInAllItsComponents() throws IOException {
        Path other = perturbed("other");
        AtomicLong last = new AtomicLong();
        Path out = dir.resolve("soup");
        Soup soup =
                Souper.create()
                        .progress((what, done, total) -> last.set(total - done))
                        .make(List.of(SoupIngredient.of(TINY), SoupIngredient.of(other)), out);
        assertThat(last).hasValue(0);
        assertThat(soup.files()).isEqualTo(2);
        assertThat(DiffusersFolder.open(out).otherFiles())
                .isEqualTo(DiffusersFolder.open(TINY).otherFiles());
        assertThat(out.resolve("vae/config.json"))
                .hasSameBinaryContentAs(TINY.resolve("vae/config.json"));
        for (String file : DiffusersFolder.open(TINY).weightFiles()) {
            try (SafetensorsFile a = SafetensorsFile.open(TINY.resolve(file));
                    SafetensorsFile b = SafetensorsFile.open(other.resolve(file));
                    SafetensorsFile s = SafetensorsFile.open(out.resolve(file))) {
                assertThat(s.metadata().get("soup.recipe")).contains(file);
                for (TensorInfo t : a.tensors().values()) {
                    if (t.dtype() != DType.F32) {
                        assertThat(s.data(t.name()).mismatch(a.data(t.name()))).isEqualTo(-1);
                        continue;
                    }
                    float[] x = a.floats(t.name());
                    float[] y = b.floats(t.name());
                    float[] z = s.floats(t.name());
                    for (int i = 0; i < x.length; i++) {
                        assertThat(z[i]).isEqualTo((float) (((double) x[i] + y[i]) / 2));
                    }
                }
            }
        }
        assertThatThrownBy(() -> Souper.create().make(List.of(SoupIngredient.of(TINY)), out))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("exists");
        String before = WeightsHash.of(out);
        Souper.create().replaceExisting(true).make(List.of(SoupIngredient.of(TINY)), out);
        assertThat(WeightsHash.of(out)).isNotEqualTo(before).isEqualTo(WeightsHash.of(TINY));
        assertThat(SafetensorsTest.list(dir)).containsExactly("other", "soup");
    }

    @Test
    void differentModelsAreRefusedListingTwentyDifferencesAndACount() {
        List<TensorEntry> many = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            many.add(TensorEntry.ofFloats("t" + i, new long[] {1}, 1f));
        }
        Path a = write("a", many);
        many.set(3, TensorEntry.ofFloats("t3", new long[] {2}, 1f, 2f));
        many.set(4, new TensorEntry("t4", DType.I32, new long[] {1}, zeros(4)));
        many.subList(5, 30).clear();
        many.add(TensorEntry.ofFloats("extra", new long[] {1}, 1f));
        Path b = write("b", many);
        Path out = dir.resolve("out");
        assertThatThrownBy(() ->
                        Souper.create()
                                .make(List.of(SoupIngredient.of(a), SoupIngredient.of(b)), out))
                .asInstanceOf(type(IncompatibleIngredientsException.class))
                .satisfies(e -> {
                    assertThat(e.differences()).hasSize(28);
                    assertThat(e)
                            .hasMessageContaining("t3")
                            .hasMessageContaining("[2]")
                            .hasMessageContaining("I32")
                            .hasMessageContaining("extra")
                            .hasMessageContaining("and 5 more");
                });
        assertThat(out).doesNotExist();
    }

    @Test
    void policiesSayWhatBecomesOfWhatDiffers() {
        Path a = write("a", List.of(one("w", 1), one("only-a", 5)));
        Path b = write("b", List.of(one("w", 3), one("only-b", 7)));
        List<SoupIngredient> both = List.of(SoupIngredient.of(a), SoupIngredient.of(b));
        Path out = dir.resolve("out");
        MismatchPolicy policy =
                MismatchPolicy.REFUSE
                        .withMissing(MismatchPolicy.OnMissing.AVERAGE_PRESENT)
                        .withExtra(MismatchPolicy.OnExtra.KEEP);
        Souper.with(SoupOptions.DEFAULT.withPolicy(policy)).make(both, out);
        try (SafetensorsFile f = SafetensorsFile.open(out)) {
            assertThat(f.floats("w")).containsExactly(2);
            assertThat(f.floats("only-a")).containsExactly(5);
            assertThat(f.floats("only-b")).containsExactly(7);
            assertThat(f.metadata().get("soup.recipe"))
                    .contains("\"on_missing\":\"average_present\"", "\"first_name\":\"a\"");
        }
        MismatchPolicy drop =
                MismatchPolicy.REFUSE
                        .withMissing(MismatchPolicy.OnMissing.DROP)
                        .withExtra(MismatchPolicy.OnExtra.DROP);
        Path less = dir.resolve("less");
        Souper.with(SoupOptions.DEFAULT.withPolicy(drop)).make(both, less);
        try (SafetensorsFile f = SafetensorsFile.open(less)) {
            assertThat(f.tensors().keySet()).containsExactly("w");
        }
    }

    private static TensorEntry one(String name, float value) {
        return TensorEntry.ofFloats(name, new long[] {1}, value);
    }

    @Test
    void anotherConfigurationIsRefusedButNotAnotherOrigin() throws IOException {
        Path other = perturbed("other");
        Path config = other.resolve("vae/config.json");
        String text = Files.readString(config);
        Files.writeString(config, text.replaceFirst("\\{", "{\"_name_or_path\": \"/tmp/x\","));
        List<SoupIngredient> both = List.of(SoupIngredient.of(TINY), SoupIngredient.of(other));
        Souper.create().make(both, dir.resolve("fine"));
        Files.writeString(config, text.replaceFirst("\\{", "{\"scaling_factor_2\": 1,"));
        assertThatThrownBy(() -> Souper.create().make(both, dir.resolve("no")))
                .isInstanceOf(IncompatibleIngredientsException.class)
                .hasMessageContaining("vae/config.json");
    }

    @Test
    void nanIsRefusedNamingFileTensorAndCountAndLeavesNothing() throws IOException {
        Path a = floats("a", 1f, 2f, 3f);
        Path b = floats("b", Float.NaN, 2f, Float.NEGATIVE_INFINITY);
        assertThatThrownBy(() ->
                        Souper.create()
                                .make(
                                        List.of(SoupIngredient.of(a), SoupIngredient.of(b)),
                                        dir.resolve("sub/out")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'w'")
                .hasMessageContaining(b.toString())
                .hasMessageContaining("1 NaN and 1 infinite values out of 3");
        assertThat(SafetensorsTest.list(dir)).containsExactly("a", "b");
    }

    @Test
    void integersAreCopiedWhenEqualAndRefusedByNameOtherwise() throws IOException {
        Path a = write("a", List.of(longs(1, 2), TensorEntry.ofFloats("w", new long[] {1}, 1f)));
        Path b = write("b", List.of(longs(1, 2), TensorEntry.ofFloats("w", new long[] {1}, 2f)));
        Path c = write("c", List.of(longs(1, 3), TensorEntry.ofFloats("w", new long[] {1}, 2f)));
        Path out = dir.resolve("out");
        Souper.create().make(List.of(SoupIngredient.of(a), SoupIngredient.of(b)), out);
        try (SafetensorsFile f = SafetensorsFile.open(out);
                SafetensorsFile in = SafetensorsFile.open(a)) {
            assertThat(f.data("position_ids").mismatch(in.data("position_ids"))).isEqualTo(-1);
        }
        assertThatThrownBy(() ->
                        Souper.create()
                                .make(
                                        List.of(SoupIngredient.of(a), SoupIngredient.of(c)),
                                        dir.resolve("no")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("position_ids")
                .hasMessageContaining("I64");
        assertThat(SafetensorsTest.list(dir)).containsExactly("a", "b", "c", "out");
    }

    @Test
    void nonsensicalRequestsAreOneSentence() throws IOException {
        Path a = floats("a", 1f);
        Souper souper = Souper.create();
        assertThatThrownBy(() -> souper.make(List.of(), dir.resolve("o")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("at least one");
        assertThatThrownBy(() -> souper.make(List.of(SoupIngredient.of(a)), a))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("its ingredient");
        Path gone = dir.resolve("gone");
        assertThatThrownBy(() ->
                        souper.make(
                                List.of(SoupIngredient.of(a), SoupIngredient.of(gone)),
                                dir.resolve("o")))
                .isInstanceOf(SoupIoException.class)
                .hasMessageContaining("gone");
        assertThatThrownBy(() ->
                        souper.make(
                                List.of(SoupIngredient.of(a), SoupIngredient.of(TINY)),
                                dir.resolve("o")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("a folder of components instead of one state dict");
        assertThat(SafetensorsTest.list(dir)).containsExactly("a");
    }

    private TensorEntry longs(long... values) {
        return new TensorEntry(
                "position_ids", DType.I64, new long[] {values.length}, TensorBytes.of(values));
    }

    private static TensorBytes zeros(int n) {
        return TensorBytes.of(MemorySegment.ofArray(new byte[n]));
    }

    private Path floats(String name, float... values) {
        return write(name, List.of(TensorEntry.ofFloats("w", new long[] {values.length}, values)));
    }

    private Path write(String name, List<TensorEntry> tensors) {
        Path p = dir.resolve(name);
        SafetensorsWriter.write(p, Map.of("format", "pt"), tensors);
        return p;
    }

    /** Four float dtypes and an integer one; one tensor of several pieces and of odd size. */
    private Path mixed(String name, long seed) {
        Random random = new Random(seed);
        List<TensorEntry> entries = new ArrayList<>();
        Map<DType, Integer> sizes =
                Map.of(DType.F16, 300_001, DType.F32, 77, DType.BF16, 9, DType.F64, 5);
        sizes.forEach((d, n) ->
                entries.add(
                        new TensorEntry(
                                d.name().toLowerCase(Locale.ROOT),
                                d,
                                new long[] {n},
                                TensorBytes.of(AverageKernelTest.inputs(d, random, 1, n)[0]))));
        entries.add(longs(1, 2, 3));
        return write(name, entries);
    }

    /** A copy of the tiny pipeline whose F32 weights all moved a little. */
    private Path perturbed(String name) {
        return perturbed(dir.resolve(name), 5);
    }

    static Path perturbed(Path to, long seed) {
        Map<String, AtomicFiles.IoConsumer<Path>> made = new HashMap<>();
        Random random = new Random(seed);
        for (String file : DiffusersFolder.open(TINY).weightFiles()) {
            made.put(
                    file,
                    target -> {
                        try (SafetensorsFile in = SafetensorsFile.open(TINY.resolve(file))) {
                            List<TensorEntry> entries = new ArrayList<>();
                            for (TensorInfo t : in.tensors().values()) {
                                TensorBytes bytes = TensorBytes.of(in.data(t.name()));
                                if (t.dtype() == DType.F32) {
                                    float[] v = in.floats(t.name());
                                    for (int i = 0; i < v.length; i++) {
                                        v[i] += (float) random.nextGaussian() * 0.01f;
                                    }
                                    bytes = TensorBytes.of(v);
                                }
                                entries.add(new TensorEntry(t.name(), t.dtype(), t.shape(), bytes));
                            }
                            SafetensorsWriter.write(target, in.metadata(), entries);
                        }
                    });
        }
        DiffusersFolder.open(TINY).copyTo(to, false, made);
        return to;
    }
}
