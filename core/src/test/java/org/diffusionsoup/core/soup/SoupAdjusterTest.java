package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.kernel.AverageKernelTest;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Taking ingredients in and out by the kept sum gives the bytes of averaging afresh. */
class SoupAdjusterTest {
    private static final List<DType> KEPT =
            List.of(DType.F32, DType.F16, DType.BF16, DType.F8_E4M3, DType.F8_E5M2);

    @TempDir Path dir;

    private final SoupOptions keep =
            SoupOptions.DEFAULT
                    .withKeepSum(true)
                    .withThreads(2)
                    .withWriter(new CheckpointWriter(true, 0));

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void removingAndAddingEqualAveragingAfresh(long seed) {
        Random random = new Random(seed);
        List<SoupIngredient> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Coefficient k = Coefficient.parse(String.valueOf(1 + random.nextInt(3)));
            all.add(SoupIngredient.of(model("m" + i, random), k));
        }
        Path soup = dir.resolve("soup");
        assertThat(Souper.with(keep).make(all, soup).note()).isEmpty();

        int gone = random.nextInt(4);
        List<SoupIngredient> rest = new ArrayList<>(all);
        SoupIngredient out = rest.remove(gone);
        Path less = dir.resolve("less");
        adjust(soup, List.of(out.path()), List.of(), less);
        assertSameBytes(rest, less, seed);

        Coefficient k = out.coefficient();
        assertThat(SoupAdjuster.weights(soup)).containsEntry(out.name(), k);
        Path again = dir.resolve("again");
        adjust(less, List.of(), List.of(new SoupIngredient(out.name(), out.path(), k)), again);
        assertThat(again).as("seed %d", seed).hasSameBinaryContentAs(soup);

        SoupIngredient fresh = new SoupIngredient("new", model("new", random), k);
        Path swapped = dir.resolve("swapped");
        adjust(again, List.of(out.path()), List.of(fresh), swapped);
        List<SoupIngredient> expected = new ArrayList<>(rest);
        expected.add(fresh);
        assertSameBytes(expected, swapped, seed);
    }

    private void adjust(Path soup, List<Path> remove, List<SoupIngredient> add, Path out) {
        new SoupAdjuster(keep).exactly(new SoupAdjuster.Request(soup, remove, add, out));
    }

    private void assertSameBytes(List<SoupIngredient> of, Path actual, long seed) {
        Path afresh = dir.resolve("afresh");
        Souper.create().replaceExisting(true).make(of, afresh);
        assertThat(actual).as("seed %d", seed).hasSameBinaryContentAs(afresh);
    }

    /** All dtypes that sums are kept of, zeros of both signs and exponents far apart among them. */
    private Path model(String name, Random random) {
        List<TensorEntry> entries = new ArrayList<>();
        for (DType d : KEPT) {
            int n = 700;
            entries.add(
                    new TensorEntry(
                            d.name(),
                            d,
                            new long[] {n},
                            TensorBytes.of(AverageKernelTest.inputs(d, random, 1, n)[0])));
        }
        entries.add(
                new TensorEntry("position_ids", DType.I64, new long[] {2}, TensorBytes.of(1L, 2L)));
        Path file = dir.resolve(name);
        SafetensorsWriter.write(file, Map.of("format", "pt", "only", name), entries);
        return file;
    }

    @Test
    void aDiffusersFolderLosesAnIngredient() throws IOException {
        Path base = SouperTest.TINY;
        Path other = SouperTest.perturbed(dir.resolve("other"), 5);
        Path third = SouperTest.perturbed(dir.resolve("third"), 6);
        Path soup = dir.resolve("soup");
        Souper.with(keep)
                .make(
                        List.of(
                                SoupIngredient.of(base),
                                SoupIngredient.of(other),
                                SoupIngredient.of(third)),
                        soup);
        Path less = dir.resolve("less");
        adjust(soup, List.of(other), List.of(), less);
        Path afresh = dir.resolve("afresh");
        Souper.create().make(List.of(SoupIngredient.of(base), SoupIngredient.of(third)), afresh);
        for (String f : DiffusersFolder.open(afresh).weightFiles()) {
            assertThat(less.resolve(f)).hasSameBinaryContentAs(afresh.resolve(f));
        }
        // In place, and down to one: that one itself.
        adjust(less, List.of(third), List.of(), less);
        assertThat(WeightsHash.of(less)).isEqualTo(WeightsHash.of(base));
        assertThatThrownBy(() -> adjust(less, List.of(base), List.of(), dir.resolve("none")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("Nothing would be left");
    }

    @Test
    void whoIsNotInItIsNotTakenOutAndASumOfAnotherSoupIsNotUsed() throws IOException {
        Random random = new Random(1);
        Path a = model("a", random);
        Path b = model("b", random);
        Path c = model("c", random);
        Path soup = dir.resolve("soup");
        Souper.with(keep).make(List.of(SoupIngredient.of(a), SoupIngredient.of(b)), soup);
        assertThatThrownBy(() -> adjust(soup, List.of(c), List.of(), dir.resolve("x")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("c is not in the sum")
                .hasMessageContaining("[");
        Path other = dir.resolve("other");
        Souper.create().make(List.of(SoupIngredient.of(a), SoupIngredient.of(c)), other);
        assertThatThrownBy(() -> adjust(other, List.of(a), List.of(), dir.resolve("x")))
                .hasMessageContaining("No sum is kept beside")
                .hasMessageContaining("'soup adjust', too, keeps the sum of its result only with");
        Files.move(KeptSum.folderOf(soup), KeptSum.folderOf(other));
        assertThatThrownBy(() -> adjust(other, List.of(a), List.of(), dir.resolve("x")))
                .hasMessageContaining("their recipes differ");
        assertThat(dir.resolve("x")).doesNotExist();
    }

    @Test
    void f64IsAveragedButItsSumIsNotKept() {
        Path a = dir.resolve("a");
        SafetensorsWriter.write(
                a,
                Map.of(),
                List.of(
                        new TensorEntry(
                                "w",
                                DType.F64,
                                new long[] {1},
                                TensorBytes.of(Double.doubleToLongBits(0.1)))));
        Soup soup = Souper.with(keep).make(List.of(SoupIngredient.of(a)), dir.resolve("soup"));
        assertThat(soup.note()).contains("'w' is F64");
        assertThat(KeptSum.folderOf(dir.resolve("soup"))).doesNotExist();
    }

    @Test
    void thePapersFormulaLeavesAtMostARoundingAndSaysThatItIsApproximate() {
        Random random = new Random(3);
        List<SoupIngredient> all = new ArrayList<>();
        float[][] w = new float[3][500];
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 500; j++) {
                w[i][j] = (float) random.nextGaussian();
            }
            Path p = dir.resolve("i" + i);
            SafetensorsWriter.write(
                    p, Map.of(), List.of(TensorEntry.ofFloats("w", new long[] {500}, w[i])));
            all.add(SoupIngredient.of(p));
        }
        Path soup = dir.resolve("soup");
        Souper.create().make(all, soup);
        Path less = dir.resolve("less");
        new SoupAdjuster(SoupOptions.DEFAULT)
                .approximately(
                        new SoupAdjuster.Request(
                                soup, List.of(all.get(1).path()), List.of(), less));
        try (SafetensorsFile f = SafetensorsFile.open(less)) {
            assertThat(f.metadata().get("soup.recipe")).contains("approximate removal", "\"1/3\"");
            float[] got = f.floats("w");
            for (int j = 0; j < 500; j++) {
                float exact = (float) (((double) w[0][j] + w[2][j]) / 2);
                // The soup's rounding error, at most half a unit, times n / (n - 1), and one more.
                double soupUlp = Math.ulp((float) (((double) w[0][j] + w[1][j] + w[2][j]) / 3));
                assertThat((double) got[j])
                        .isCloseTo(
                                exact,
                                org.assertj.core.data.Offset.offset(
                                        0.75 * soupUlp + Math.ulp(exact)));
            }
        }
        assertThatThrownBy(() ->
                        new SoupAdjuster(SoupOptions.DEFAULT)
                                .approximately(
                                        new SoupAdjuster.Request(
                                                less,
                                                List.of(all.get(1).path()),
                                                List.of(),
                                                dir.resolve("x"))))
                .hasMessageContaining("is approximate itself");
    }
}
