package org.diffusionsoup.diffusion.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Weights that are read in pieces, and written one tensor at a time, are to the bit those given.
 */
class WeightsTest {
    @TempDir private Path folder;

    /** A layer of more than one piece whose rows do not fill pieces, a convolution, a bias. */
    private static Parameters model() {
        Names root = Names.root();
        new Linear(root.sub("wide"), 1013, 1201, true);
        new Conv2d(root.sub("conv"), 300, 70, 3, 1, 1);
        return root.parameters().allocate();
    }

    /** Any bits but those of NaN: subnormal, infinite and huge values too. */
    private static MemorySegment random(DType dtype, long elements, long seed) {
        Random random = new Random(seed);
        byte[] bytes = new byte[Math.toIntExact(elements * dtype.bytes())];
        random.nextBytes(bytes);
        MemorySegment s = MemorySegment.ofArray(bytes);
        for (long i = 0; i < elements; i++) {
            while (Float.isNaN(value(s, dtype, i))) {
                for (long b = 0; b < dtype.bytes(); b++) {
                    s.set(ValueLayout.JAVA_BYTE, i * dtype.bytes() + b, (byte) random.nextInt(256));
                }
            }
        }
        return s;
    }

    private static float value(MemorySegment s, DType dtype, long i) {
        return switch (dtype) {
            case F32 -> s.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i);
            case F64 -> (float) s.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8 * i);
            case F16 -> Float.float16ToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i));
            case BF16 -> Float.intBitsToFloat(s.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i) << 16);
            default -> throw new AssertionError(dtype);
        };
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "F64"})
    void whatIsReadIsWhatIsStored(DType dtype) {
        Path file = folder.resolve("w.safetensors");
        try (Parameters p = model()) {
            List<TensorEntry> entries = new ArrayList<>();
            p.all()
                    .forEach(one ->
                            entries.add(
                                    new TensorEntry(
                                            one.name(),
                                            dtype,
                                            one.shape(),
                                            TensorBytes.of(
                                                    random(
                                                            dtype,
                                                            one.elements(),
                                                            one.name().hashCode())))));
            SafetensorsWriter.write(file, Map.of(), entries);
            Weights.load(p, file);
            for (Parameter one : p.all()) {
                MemorySegment stored = random(dtype, one.elements(), one.name().hashCode());
                float[] read = one.value().toFloatArray();
                for (int i = 0; i < read.length; i++) {
                    if (Float.floatToRawIntBits(read[i])
                            != Float.floatToRawIntBits(value(stored, dtype, i))) {
                        throw new AssertionError(one.name() + " " + i + ": " + read[i]);
                    }
                }
            }
        }
    }

    @Test
    void halfPrecisionIsRoundedToNearestAndTiesToEven() {
        Path file = folder.resolve("half.safetensors");
        float[] values = {
            0.1f, 1 + 1 / 2048f, 1 + 3 / 2048f, 65519.9f, 65520, -0f, 1e-8f, 5.97e-8f, 6.1e-5f, -3
        };
        Names root = Names.root();
        new Linear(root.sub("l"), 5, 2, false);
        try (Parameters p = root.parameters().allocate()) {
            try (Torch.Guard off = Torch.gradients(false)) {
                p.flat().memory().copyFrom(MemorySegment.ofArray(values));
            }
            Weights.save(p, file, DType.F16, Map.of("note", "x"));
            try (SafetensorsFile f = SafetensorsFile.open(file)) {
                TensorInfo t = f.tensor("l.weight");
                MemorySegment data = f.data("l.weight");
                assertThat(f.metadata()).containsEntry("note", "x");
                assertThat(t.dtype()).isEqualTo(DType.F16);
                for (int i = 0; i < values.length; i++) {
                    assertThat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i))
                            .as("%s", values[i])
                            .isEqualTo(Float.floatToFloat16(values[i]));
                }
            }
            assertThatThrownBy(() -> Weights.save(p, file, DType.BF16, Map.of()))
                    .hasMessageContaining("F32 or F16");
        }
    }

    @Test
    void whatIsWrittenWithoutBeingHeldIsWhatInitialisingMakes() {
        Path whole = folder.resolve("whole.safetensors");
        Path one = folder.resolve("one.safetensors");
        try (Parameters p = model();
                Parameters untouched = model()) {
            p.initialise(7);
            Weights.save(p, whole, DType.F16, Map.of());
            Weights.saveInitial(untouched, one, DType.F16, 7, Map.of());
        }
        assertThat(one).hasSameBinaryContentAs(whole);
    }
}
