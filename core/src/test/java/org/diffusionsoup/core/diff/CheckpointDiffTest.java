package org.diffusionsoup.core.diff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.diff.TensorDiff.Kind;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Distances against sums computed here, for every dtype, and the names of blocks. */
class CheckpointDiffTest {
    @TempDir Path dir;

    private Path write(String name, TensorEntry... tensors) {
        Path file = dir.resolve(name);
        SafetensorsWriter.write(file, Map.of(), List.of(tensors));
        return file;
    }

    private static TensorEntry floats(String name, float... v) {
        return TensorEntry.ofFloats(name, new long[] {v.length}, v);
    }

    private static DiffReport diff(int threads, Path a, Path b, Path... base) {
        try (Checkpoint x = Checkpoint.open(a);
                Checkpoint y = Checkpoint.open(b);
                Checkpoint c = Checkpoint.open(base.length > 0 ? base[0] : a)) {
            Optional<Checkpoint> common = base.length > 0 ? Optional.of(c) : Optional.empty();
            return new CheckpointDiff(threads, 2, SoupProgress.NONE).compare(x, y, common);
        }
    }

    @Test
    void distanceCosineAndMaximumAreThoseOfTheDefinition() {
        Path c = write("c", floats("w", 1, 1));
        Path a = write("a", floats("w", 3, 1)); // a - c = (2, 0)
        Path b = write("b", floats("w", 2, 2)); // b - c = (1, 1)
        Sums s = diff(2, a, b, c).total();
        assertThat(s.relative()).isEqualTo(Math.sqrt(2 / 10.0), within(1e-15));
        assertThat(s.cosine()).isEqualTo(Math.sqrt(0.5), within(1e-15));
        assertThat(s.maxAbs()).isEqualTo(1);
        assertThat(diff(1, a, a).total().relative()).isZero();
    }

    @Test
    void everyKindOfDifferenceIsTold() {
        Path a =
                write(
                        "a",
                        floats("same", 1, 2),
                        floats("moved", 1, 2),
                        floats("shape", 1, 2),
                        floats("mine", 1),
                        floats("nan", Float.NaN, 1),
                        new TensorEntry("n", DType.I64, new long[] {1}, TensorBytes.of(5)),
                        new TensorEntry("m", DType.I64, new long[] {1}, TensorBytes.of(5)));
        Path b =
                write(
                        "b",
                        floats("same", 1, 2),
                        floats("moved", 1, 2.5f),
                        floats("shape", 1),
                        floats("its", 1),
                        floats("nan", 1, 1),
                        new TensorEntry("n", DType.I64, new long[] {1}, TensorBytes.of(5)),
                        new TensorEntry("m", DType.I64, new long[] {1}, TensorBytes.of(6)));
        DiffReport r = diff(2, a, b);
        assertThat(r.tensors())
                .extracting(t -> t.name() + " " + t.kind())
                .containsExactlyInAnyOrder(
                        "same EQUAL",
                        "moved DIFFERENT",
                        "shape OTHER_KIND",
                        "mine ONLY_A",
                        "its ONLY_B",
                        "nan DIFFERENT",
                        "n EQUAL",
                        "m INTEGERS_DIFFER");
        assertThat(r.total().nonFinite()).isEqualTo(1);
        assertThat(r.worst(1)).singleElement().extracting(TensorDiff::name).isEqualTo("moved");
        assertThat(r.count(Kind.EQUAL)).isEqualTo(2);
    }

    @Test
    void everyFloatingDtypeIsReadAndPiecesAddUp() {
        int n = (int) CheckpointDiff.PIECE + 12345;
        Random random = new Random(7);
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] = (random.nextInt(15) - 7) / 4f; // exact in every dtype but the widest steps
        }
        List<Path> files = new ArrayList<>();
        for (DType dtype :
                List.of(
                        DType.F64,
                        DType.F32,
                        DType.F16,
                        DType.BF16,
                        DType.F8_E4M3,
                        DType.F8_E5M2)) {
            double[] stored = new double[n];
            for (int i = 0; i < n; i++) {
                stored[i] = v[i];
            }
            files.add(
                    write(
                            dtype.name(),
                            new TensorEntry(
                                    "w",
                                    dtype,
                                    new long[] {n},
                                    out -> {
                                        try (Arena arena = Arena.ofConfined()) {
                                            MemorySegment m =
                                                    arena.allocate((long) n * dtype.bytes());
                                            assertThat(Elements.encode(dtype, stored, m, n))
                                                    .isNegative();
                                            ByteBuffer bytes = m.asByteBuffer();
                                            while (bytes.hasRemaining()) {
                                                out.write(bytes);
                                            }
                                        }
                                    })));
        }
        double aa = 0;
        for (float x : v) {
            aa += (double) x * x;
        }
        for (Path file : files) {
            DiffReport r = diff(2, files.getFirst(), file);
            assertThat(r.total().aa()).isEqualTo(aa, within(1e-9 * aa));
            assertThat(r.count(Kind.EQUAL)).as(file.toString()).isEqualTo(1);
        }
    }

    @Test
    void numbersDoNotDependOnThreads() {
        int n = 3 * (int) CheckpointDiff.PIECE + 17;
        float[] x = new float[n];
        float[] y = new float[n];
        Random random = new Random(3);
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
            y[i] = x[i] + 1e-3f * (float) random.nextGaussian();
        }
        Path a = write("a", floats("w", x));
        Path b = write("b", floats("w", y));
        assertThat(diff(4, a, b)).isEqualTo(diff(1, a, b));
        assertThat(diff(4, a, b).total().relative()).isEqualTo(1e-3, within(1e-5));
    }

    @Test
    void nothingInCommonIsAFailure() {
        Path a = write("a", floats("w", 1));
        Path b = write("b", floats("v", 1));
        assertThatThrownBy(() -> diff(1, a, b))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("soup convert");
    }

    /** Without a number that was compared there is no distance, least of all 0. */
    @Test
    void nothingOfOneShapeInCommonIsAFailure() {
        Path a = write("a", floats("w", 1, 2), floats("x", 1));
        Path b = write("b", floats("w", 1, 2, 3), floats("y", 1));
        assertThatThrownBy(() -> diff(1, a, b))
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll(
                        "no tensor of one shape in common",
                        "'w' is F32[2] in the one and F32[3] in the other");
        Path c = write("c", floats("w", 1, 2, 3), floats("x", 1));
        assertThat(diff(1, a, c).total().relative()).isZero();
    }

    @Test
    void blocksAreTheFirstLevelsOfAKey() {
        assertThat(
                        List.of(
                                BlockNames.block("conv_in.weight", 2),
                                BlockNames.block(
                                        "down_blocks.0.attentions.1.transformer_blocks.0.norm1.bias",
                                        2),
                                BlockNames.block("mid_block.resnets.1.conv1.weight", 2),
                                BlockNames.block("text_model.encoder.layers.3.mlp.fc1.bias", 2),
                                BlockNames.block(
                                        "model.diffusion_model.input_blocks.1.1.proj_in.weight", 2),
                                BlockNames.block("up_blocks.2.resnets.0.conv1.weight", 1),
                                BlockNames.block("logit_scale", 2)))
                .containsExactly(
                        "conv_in",
                        "down_blocks.0.attentions.1",
                        "mid_block.resnets.1",
                        "text_model.encoder.layers.3",
                        "input_blocks.1.1",
                        "up_blocks.2",
                        "logit_scale");
        assertThat(BlockNames.component("", "first_stage_model.decoder.conv_in.bias"))
                .isEqualTo("vae");
        assertThat(BlockNames.component("unet", "conv_in.bias")).isEqualTo("unet");
    }

    @Test
    void blocksStandInTheOrderOfTheModel() {
        List<String> names =
                new ArrayList<>(
                        List.of(
                                "up_blocks.0.resnets.0",
                                "conv_out",
                                "down_blocks.10.resnets.0",
                                "down_blocks.2.resnets.1",
                                "down_blocks.2.attentions.0",
                                "down_blocks.2.resnets.0",
                                "down_blocks.2.downsamplers.0",
                                "mid_block.attentions.0",
                                "conv_in",
                                "time_embedding.linear_1",
                                "conv_norm_out"));
        names.sort(BlockNames::compare);
        assertThat(names)
                .containsExactly(
                        "conv_in",
                        "time_embedding.linear_1",
                        "down_blocks.2.resnets.0",
                        "down_blocks.2.attentions.0",
                        "down_blocks.2.resnets.1",
                        "down_blocks.2.downsamplers.0",
                        "down_blocks.10.resnets.0",
                        "mid_block.attentions.0",
                        "up_blocks.0.resnets.0",
                        "conv_norm_out",
                        "conv_out");
    }
}
