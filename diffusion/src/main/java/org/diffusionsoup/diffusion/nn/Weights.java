package org.diffusionsoup.diffusion.nn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/** Moves a model's weights between its {@link Parameters} and safetensors files. */
public final class Weights {
    private Weights() {}

    /**
     * Loads every parameter from a file; names and shapes must be the model's own. Older
     * autoencoder names of attention layers are understood, {@code position_ids} is ignored.
     *
     * @throws UnsupportedConfigException listing what is missing, surplus or of another shape
     */
    public static void load(Parameters parameters, Path file) {
        load(parameters, file, Function.identity());
    }

    /**
     * The same of the file's tensors as another source shows them, such as with updates in them.
     *
     * @param view what is read in the file's place
     */
    public static void load(
            Parameters parameters, Path file, Function<TensorSource, TensorSource> view) {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            load(parameters, view.apply(f), Weights::canonical);
        }
    }

    /**
     * Loads every parameter from any source of tensors, of any float type.
     *
     * @param names from the source's name of a tensor to the model's; empty to leave a tensor out.
     *     Tensors whose names end in {@code position_ids} are always left out
     * @throws UnsupportedConfigException listing what is missing, surplus or of another shape
     */
    public static void load(
            Parameters parameters, TensorSource source, UnaryOperator<String> names) {
        Map<String, TensorInfo> given = fitting(parameters, source, names);
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Parameter p : parameters.all()) {
                TensorInfo info = Objects.requireNonNull(given.get(p.name()));
                try (Scope s = Scope.open();
                        Arena arena = Arena.ofShared()) { // soups in memory are computed by threads
                    MemorySegment bytes = arena.allocate(Math.max(1, info.byteSize()));
                    MemorySegment data = bytes.asSlice(0, info.byteSize());
                    source.read(info.name(), 0, data);
                    float[] values = floats(data, info.dtype(), info.name());
                    p.value().copy_(Tensor.of(values, 1, values.length).reshape(p.shape()));
                }
            }
        }
    }

    /**
     * A source's tensors by the model's names, one for each parameter.
     *
     * @throws UnsupportedConfigException listing what is missing, surplus or of another shape
     */
    static Map<String, TensorInfo> fitting(
            Parameters parameters, TensorSource source, UnaryOperator<String> names) {
        Map<String, TensorInfo> given = new HashMap<>();
        source.tensors()
                .forEach((name, info) -> {
                    String own = name.endsWith("position_ids") ? "" : names.apply(name);
                    if (!own.isEmpty()) {
                        given.put(own, info);
                    }
                });
        refuseMisfits(parameters, source.path(), given);
        return given;
    }

    private static void refuseMisfits(
            Parameters parameters, Path file, Map<String, TensorInfo> given) {
        List<String> problems = new ArrayList<>();
        TreeSet<String> surplus = new TreeSet<>(given.keySet());
        for (Parameter p : parameters.all()) {
            surplus.remove(p.name());
            TensorInfo info = given.get(p.name());
            if (info == null) {
                problems.add("missing " + p.name());
            } else if (!fits(p, info)) {
                problems.add(
                        p.name()
                                + " has shape "
                                + Arrays.toString(info.shape())
                                + ", the config asks for "
                                + Arrays.toString(p.shape()));
            }
        }
        surplus.forEach(n -> problems.add("unexpected " + n));
        if (!problems.isEmpty()) {
            throw new UnsupportedConfigException(
                    file
                            + " does not fit its config.json: "
                            + String.join("; ", problems.subList(0, Math.min(20, problems.size())))
                            + (problems.size() > 20
                                    ? "; and " + (problems.size() - 20) + " more"
                                    : ""));
        }
    }

    private static boolean fits(Parameter p, TensorInfo info) {
        long[] a = p.shape();
        long[] b = info.shape();
        // Attention projections of single-file origin are 1×1 convolutions of the same numbers.
        int extra = b.length - a.length;
        if (extra < 0) {
            return false;
        }
        for (int i = 0; i < b.length; i++) {
            if (b[i] != (i < a.length ? a[i] : 1)) {
                return false;
            }
        }
        return true;
    }

    static String canonical(String name) {
        if (!name.contains("mid_block.attentions.0.")) {
            return name;
        }
        return name.replace(".attentions.0.query.", ".attentions.0.to_q.")
                .replace(".attentions.0.key.", ".attentions.0.to_k.")
                .replace(".attentions.0.value.", ".attentions.0.to_v.")
                .replace(".attentions.0.proj_attn.", ".attentions.0.to_out.0.");
    }

    private static float[] floats(MemorySegment data, DType dtype, String name) {
        return switch (dtype) {
            case F32 -> data.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            case F16 -> {
                float[] out = new float[Math.toIntExact(data.byteSize() / 2)];
                for (int i = 0; i < out.length; i++) {
                    out[i] =
                            Float.float16ToFloat(
                                    data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i));
                }
                yield out;
            }
            case BF16 -> {
                float[] out = new float[Math.toIntExact(data.byteSize() / 2)];
                for (int i = 0; i < out.length; i++) {
                    int bits = data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i) << 16;
                    out[i] = Float.intBitsToFloat(bits);
                }
                yield out;
            }
            case F64 -> {
                float[] out = new float[Math.toIntExact(data.byteSize() / 8)];
                for (int i = 0; i < out.length; i++) {
                    out[i] = (float) data.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8L * i);
                }
                yield out;
            }
            default -> throw noFloat(name, dtype);
        };
    }

    /**
     * @throws UnsupportedConfigException if the tensor is of no float type that models are run from
     */
    static void requireFloat(TensorInfo info) {
        if (!Set.of(DType.F32, DType.F16, DType.BF16, DType.F64).contains(info.dtype())) {
            throw noFloat(info.name(), info.dtype());
        }
    }

    private static UnsupportedConfigException noFloat(String name, DType dtype) {
        return new UnsupportedConfigException(
                "tensor " + name + " has dtype " + dtype + ", a float was expected");
    }

    /**
     * Writes every parameter to a safetensors file under the reference's names and layout.
     *
     * @param dtype F32 or F16
     * @param metadata goes into the file's header
     */
    public static void save(
            Parameters parameters, Path file, DType dtype, Map<String, String> metadata) {
        List<TensorEntry> entries = new ArrayList<>();
        for (Parameter p : parameters.all()) {
            float[] values = p.value().toFloatArray();
            entries.add(new TensorEntry(p.name(), dtype, p.shape(), bytes(values, dtype)));
        }
        SafetensorsWriter.write(file, metadata, entries);
    }

    private static TensorBytes bytes(float[] values, DType dtype) {
        return switch (dtype) {
            case F32 -> TensorBytes.of(values);
            case F16 -> {
                short[] half = new short[values.length];
                for (int i = 0; i < half.length; i++) {
                    half[i] = Float.floatToFloat16(values[i]);
                }
                yield TensorBytes.of(MemorySegment.ofArray(half));
            }
            default ->
                    throw new UnsupportedConfigException(
                            "weights are written as F32 or F16, not " + dtype);
        };
    }
}
