package org.diffusionsoup.diffusion.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.torch.NativeObjects;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.torch.TorchException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights that are held in half as many bytes compute as the same numbers in float32 do. */
@Isolated("it counts the native objects of all")
class WeightFormatTest {
    @TempDir private Path folder;

    /** One layer of each kind; the first two are large enough to share memory when widened. */
    private static final class Model {
        final Names root = Names.root();
        final Linear linear = new Linear(root.sub("linear"), 320, 96, true);
        final Conv2d conv = new Conv2d(root.sub("conv"), 32, 64, 3, 1, 1);
        final Conv2d small = new Conv2d(root.sub("small"), 64, 4, 1, 1, 0, false);
        final GroupNorm group = new GroupNorm(root.sub("group"), 4, 32, 1e-5);
        final LayerNorm layer = new LayerNorm(root.sub("layer"), 320, 1e-5);
        final Embedding table = new Embedding(root.sub("table"), 70, 320, new Init.Normal(1));
        final Parameters parameters = root.parameters();

        Model(WeightFormat format) {
            parameters.allocate(format);
        }

        /** All layers' outputs, joined. */
        float[] outputs() {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false);
                    Rng rng = new Rng(3)) {
                Tensor rows = rng.normal(2, 40, 320);
                Tensor maps = rng.normal(2, 32, 12, 10).channelsLast();
                Tensor ids = Tensor.of(new long[] {3, 0, 69}, 3);
                return Tensor.cat(
                                List.of(
                                        linear.forward(layer.forward(rows)).reshape(-1),
                                        small.forward(conv.forward(group.forward(maps)))
                                                .reshape(-1),
                                        table.forward(ids).reshape(-1),
                                        table.table().reshape(-1)),
                                0)
                        .toFloatArray();
            }
        }
    }

    private static float rounded(float value, WeightFormat format) {
        return switch (format) {
            case F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> {
                int bits = Float.floatToRawIntBits(value);
                int odd = bits >>> 16 & 1; // ties go to even
                yield Float.intBitsToFloat((bits + 0x7fff + odd) & 0xffff0000);
            }
        };
    }

    private static Path file(Path folder, Parameters shapes, UnaryOperator<float[]> values) {
        Path file = folder.resolve("w.safetensors");
        List<TensorEntry> entries = new ArrayList<>();
        for (Parameter p : shapes.all()) {
            float[] w = values.apply(new float[(int) p.elements()]);
            entries.add(TensorEntry.ofFloats(p.name(), p.shape(), w));
        }
        SafetensorsWriter.write(file, Map.of(), entries);
        return file;
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void anyFloatIsRoundedToNearestAndTiesToEven(WeightFormat format) {
        Random random = new Random(4);
        Names names = Names.root();
        new Linear(names.sub("l"), 300, 40, false);
        new Conv2d(names.sub("c"), 6, 5, 3, 1, 1);
        try (Parameters p = names.parameters().allocate(format)) {
            UnaryOperator<float[]> any =
                    w -> {
                        for (int i = 0; i < w.length; i++) {
                            do {
                                int bits = random.nextInt();
                                // half of them exactly between two neighbours, or near to it
                                w[i] =
                                        Float.intBitsToFloat(
                                                random.nextBoolean()
                                                        ? bits
                                                        : bits & 0xfffff000 | random.nextInt(3));
                            } while (!Float.isFinite(rounded(w[i], format)));
                        }
                        return w;
                    };
            List<float[]> given = new ArrayList<>();
            Path file =
                    file(
                            folder,
                            p,
                            w -> {
                                given.add(any.apply(w));
                                return w;
                            });
            for (boolean mapped : new boolean[] {false, true}) {
                try (Torch.Guard off = Torch.gradients(false)) {
                    p.flat().zero_();
                }
                if (mapped) {
                    try (MappedWeights m = MappedWeights.open(p, file)) {
                        m.load();
                    }
                } else {
                    Weights.load(p, file);
                }
                int t = 0;
                for (Parameter w : p.all()) {
                    float[] wanted = given.get(t++).clone();
                    for (int i = 0; i < wanted.length; i++) {
                        wanted[i] = rounded(wanted[i], format);
                    }
                    assertThat(w.value().toFloatArray()).as(w.name()).isEqualTo(wanted);
                    assertThat(w.float32().toFloatArray()).as(w.name()).isEqualTo(wanted);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void layersComputeTheBitsOfTheSameNumbersInFloat32(WeightFormat format) {
        int before = Torch.threads();
        Model half = new Model(format);
        Model wide = new Model(WeightFormat.F32);
        try (Parameters h = half.parameters;
                Parameters w = wide.parameters) {
            h.initialise(8);
            Path saved = folder.resolve("saved.safetensors");
            Weights.save(h, saved, DType.F32, Map.of());
            Weights.load(w, saved);
            assertThat(h.flat().memory().byteSize()).isEqualTo(2 * h.count());
            assertThat(w.flat().memory().byteSize()).isEqualTo(4 * h.count());
            for (int threads : new int[] {1, 2}) {
                Torch.setThreads(threads);
                float[] outputs = half.outputs();
                assertThat(outputs).as("%d threads", threads).isEqualTo(wide.outputs());
                long objects = NativeObjects.inUse();
                assertThat(half.outputs()).as("again").isEqualTo(outputs);
                assertThat(Torch.nativeObjects()).isEqualTo(objects);
            }
        } finally {
            Torch.setThreads(before);
        }
    }

    @Test
    void whatHasNoNumberInTheFormatIsRefusedWithFileAndTensor() {
        Names names = Names.root();
        new Linear(names.sub("l"), 3, 2, false);
        try (Parameters p = names.parameters().allocate(WeightFormat.F16)) {
            Path file =
                    file(
                            folder,
                            p,
                            w -> {
                                w[4] = -65_520;
                                return w;
                            });
            String sentence =
                    file
                            + " has values in l.weight that are beyond the range of F16; draw with `dtype` BF16 or F32.";
            assertThatThrownBy(() -> Weights.load(p, file))
                    .isInstanceOf(SoupException.class)
                    .hasMessage(sentence);
            try (MappedWeights mapped = MappedWeights.open(p, file)) {
                assertThatThrownBy(mapped::load).hasMessage(sentence);
            }
            // what is damaged in the file is no matter of the format
            Weights.load(
                    p,
                    file(
                            folder,
                            p,
                            w -> {
                                w[4] = Float.POSITIVE_INFINITY;
                                w[1] = 65_519;
                                return w;
                            }));
            assertThat(p.flat().toFloatArray())
                    .containsExactly(0, 65_504, 0, 0, Float.POSITIVE_INFINITY, 0);
        }
        Names other = Names.root();
        new Linear(other.sub("l"), 3, 2, false);
        try (Parameters p = other.parameters().allocate(WeightFormat.BF16)) {
            Path file = folder.resolve("w.safetensors");
            file(
                    folder,
                    p,
                    w -> {
                        w[0] = Float.MAX_VALUE;
                        return w;
                    });
            assertThatThrownBy(() -> Weights.load(p, file))
                    .hasMessageEndingWith("beyond the range of BF16; draw with `dtype` F32.");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void theyAreNotTrained(WeightFormat format) {
        Names names = Names.root();
        new Linear(names.sub("l"), 3, 2, false);
        String sentence =
                "weights that are held in "
                        + format.word()
                        + " cannot be trained; load the model with weights in float32";
        try (Parameters p = names.parameters().allocate(format)) {
            assertThatThrownBy(p::train).isInstanceOf(TorchException.class).hasMessage(sentence);
            assertThatThrownBy(() -> Parameters.joined(p)).hasMessage(sentence);
            assertThatThrownBy(p::flatGrad).hasMessageContaining("gradients are off");
        }
    }

    @Test
    void writingThemGivesTheNumbersThatAreHeld() {
        Model half = new Model(WeightFormat.BF16);
        try (Parameters p = half.parameters;
                Parameters q = new Model(WeightFormat.F32).parameters) {
            p.initialise(5);
            for (DType dtype : List.of(DType.F32, DType.F16)) {
                Path file = folder.resolve(dtype + ".safetensors");
                Weights.save(p, file, dtype, Map.of());
                Weights.load(q, file);
                float[] held = p.flat().toFloatArray();
                for (int i = 0; dtype == DType.F16 && i < held.length; i++) {
                    held[i] = rounded(held[i], WeightFormat.F16);
                }
                assertThat(q.flat().toFloatArray()).isEqualTo(held);
            }
        }
    }
}
