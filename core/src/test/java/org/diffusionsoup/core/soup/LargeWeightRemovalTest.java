package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is taken out may count for much more than what stays. */
class LargeWeightRemovalTest {
    private static final int N = 5000;

    @TempDir Path dir;

    private final SoupOptions keep =
            SoupOptions.DEFAULT
                    .withKeepSum(true)
                    .withThreads(1)
                    .withWriter(new CheckpointWriter(true, 0));

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "BF16", "F32"})
    void onlyTheMeanThatStaysHasToFit(DType dtype) {
        double large = dtype == DType.F16 ? 100 : 1e36;
        Random random = new Random(5);
        Path x = model("x", dtype, i -> i % 3 == 0 ? large : random.nextInt(8));
        Path b = model("b", dtype, i -> i % 7 == 0 ? -0.0 : 1 + i % 5);
        Path y = model("y", dtype, i -> -large);
        Path soup = dir.resolve("soup.safetensors");
        Souper.with(keep).make(List.of(weighted(x, "1000"), weighted(b, "1")), soup);

        same(dtype, soup, List.of(x), List.of(), List.of(weighted(b, "1")));
        same(
                dtype,
                soup,
                List.of(x),
                List.of(weighted(y, "1000")),
                List.of(weighted(y, "1000"), weighted(b, "1")));
    }

    private void same(
            DType dtype,
            Path soup,
            List<Path> remove,
            List<SoupIngredient> add,
            List<SoupIngredient> stay) {
        Path adjusted = dir.resolve("adjusted.safetensors");
        new SoupAdjuster(keep).exactly(new SoupAdjuster.Request(soup, remove, add, adjusted));
        Path afresh = dir.resolve("afresh.safetensors");
        Souper.with(keep).make(stay, afresh);
        assertThat(adjusted).hasSameBinaryContentAs(afresh);
        // The new sum serves as well as the old one.
        Path again = dir.resolve("again.safetensors");
        SoupIngredient one = stay.getFirst();
        Path other = model("other", dtype, i -> 2);
        new SoupAdjuster(keep)
                .exactly(
                        new SoupAdjuster.Request(
                                adjusted,
                                List.of(one.path()),
                                List.of(weighted(other, "1")),
                                again));
        assertThat(again).exists();
    }

    @Test
    void aMeanThatIsTooLargeIsRefusedWithAWayOut() {
        Path x = model("x", DType.F32, i -> -1e6);
        Path b = model("b", DType.F32, i -> 1e6);
        Path soup = dir.resolve("soup.safetensors");
        Souper.with(keep.withOutputDType(Optional.of(DType.F16)))
                .make(List.of(weighted(x, "1"), weighted(b, "1")), soup);
        Path out = dir.resolve("rest.safetensors");
        assertThatThrownBy(() ->
                        new SoupAdjuster(keep)
                                .exactly(
                                        new SoupAdjuster.Request(soup, List.of(x), List.of(), out)))
                .hasMessage(
                        "Tensor 't' has means too large for F16; average those that stay anew, with"
                                + " another output dtype.");
        assertThat(out).doesNotExist();
    }

    /** The formula takes one ingredient out, and nothing in. */
    @Test
    void withoutASumTheFormulaIsAdvisedWhereItWorks() {
        Path x = model("x", DType.F32, i -> 1);
        Path b = model("b", DType.F32, i -> 2);
        SoupAdjuster adjuster = new SoupAdjuster(keep);
        Path out = dir.resolve("out.safetensors");
        assertThatThrownBy(() ->
                        adjuster.exactly(new SoupAdjuster.Request(x, List.of(b), List.of(), out)))
                .hasMessageEndingWith("with `keepSum`, or use `approximate`.");
        assertThatThrownBy(() ->
                        adjuster.exactly(
                                new SoupAdjuster.Request(
                                        x, List.of(), List.of(weighted(b, "1")), out)))
                .hasMessageEndingWith("with `keepSum`.");
    }

    private static SoupIngredient weighted(Path model, String k) {
        return SoupIngredient.of(model, Coefficient.parse(k));
    }

    private Path model(String name, DType dtype, IntToDoubleFunction value) {
        byte[] bytes = new byte[N * dtype.bytes()];
        MemorySegment memory = MemorySegment.ofArray(bytes);
        for (int i = 0; i < N; i++) {
            FloatFormat.of(dtype).put(memory, i, value.applyAsDouble(i));
        }
        Path file = dir.resolve(name + ".safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(new TensorEntry("t", dtype, new long[] {N}, TensorBytes.of(memory))));
        return file;
    }
}
