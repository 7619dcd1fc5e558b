package org.diffusionsoup.diffusion.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights straight from a mapped file are those that are read, to the bit. */
class MappedWeightsTest {
    @TempDir private Path folder;

    /** A convolution, whose weights lie in another order in memory, a layer and its bias. */
    private static Parameters model(long seed) {
        Names root = Names.root();
        new Conv2d(root.sub("conv"), 3, 5, 3, 1, 1);
        new Linear(root.sub("linear"), 7, 4, true);
        root.parameters().allocate();
        try (Torch.Guard off = Torch.gradients(false)) {
            root.parameters().initialise(seed);
        }
        return root.parameters();
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16"})
    void loadsWhatReadingLoads(DType dtype) {
        Path one = folder.resolve("one.safetensors");
        Path two = folder.resolve("two.safetensors");
        try (Parameters a = model(1);
                Parameters b = model(2);
                Parameters read = model(3);
                Parameters mapped = model(4)) {
            Weights.save(a, one, dtype, Map.of());
            // a header of another length, so that data begin at another place
            Weights.save(b, two, dtype, Map.of("note", "x".repeat(9)));
            try (MappedWeights first = MappedWeights.open(mapped, one);
                    MappedWeights second = MappedWeights.open(mapped, two)) {
                for (int i = 0; i < 3; i++) {
                    first.load();
                    Weights.load(read, one);
                    assertThat(mapped.flat().toFloatArray()).isEqualTo(read.flat().toFloatArray());
                    second.load();
                    Weights.load(read, two);
                    assertThat(mapped.flat().toFloatArray()).isEqualTo(read.flat().toFloatArray());
                }
            }
        }
    }

    /** Widening BF16 and rounding F64 are as reading does them. */
    @ParameterizedTest
    @EnumSource(names = {"BF16", "F64"})
    void convertsOtherFloats(DType dtype) {
        Names root = Names.root();
        new Linear(root.sub("l"), 3, 2, false);
        try (Parameters p = root.parameters().allocate()) {
            double[] values = {0.1, -2.5, 1e-3, 1.0 / 3, 65504.5, -0.0};
            short[] upper = new short[6];
            long[] wide = new long[6];
            for (int i = 0; i < 6; i++) {
                upper[i] = (short) (Float.floatToIntBits((float) values[i]) >>> 16);
                wide[i] = Double.doubleToLongBits(values[i]);
            }
            TensorBytes bytes =
                    TensorBytes.of(
                            dtype == DType.F64
                                    ? java.lang.foreign.MemorySegment.ofArray(wide)
                                    : java.lang.foreign.MemorySegment.ofArray(upper));
            Path file = folder.resolve("w.safetensors");
            SafetensorsWriter.write(
                    file,
                    Map.of(),
                    List.of(new TensorEntry("l.weight", dtype, new long[] {2, 3}, bytes)));
            Weights.load(p, file);
            float[] read = p.flat().toFloatArray();
            try (Torch.Guard off = Torch.gradients(false)) {
                p.flat().zero_();
            }
            try (MappedWeights mapped = MappedWeights.open(p, file)) {
                mapped.load();
            }
            assertThat(p.flat().toFloatArray()).isEqualTo(read);
        }
    }

    @Test
    void refusesWhatDoesNotFitAndWhatChanged() throws IOException {
        Path file = folder.resolve("w.safetensors");
        try (Parameters a = model(1)) {
            Weights.save(a, file, DType.F32, Map.of());
            Names other = Names.root();
            new Linear(other.sub("linear"), 6, 4, true);
            try (Parameters b = other.parameters().allocate()) {
                assertThatThrownBy(() -> MappedWeights.open(b, file))
                        .isInstanceOf(UnsupportedConfigException.class)
                        .hasMessageContaining("linear.weight has shape [4, 7]")
                        .hasMessageContaining("unexpected conv.weight");
            }
            try (MappedWeights mapped = MappedWeights.open(a, file)) {
                byte[] bytes = Files.readAllBytes(file);
                Files.write(file, Arrays.copyOf(bytes, bytes.length - 8));
                assertThatThrownBy(mapped::load)
                        .isInstanceOf(SoupException.class)
                        .hasMessageContaining("w.safetensors");
            }
        }
    }
}
