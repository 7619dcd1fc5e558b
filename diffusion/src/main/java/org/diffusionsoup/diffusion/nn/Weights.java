package org.diffusionsoup.diffusion.nn;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
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
    private static final Set<DType> RUNNABLE = Set.of(DType.F32, DType.F16, DType.BF16, DType.F64);

    /** Most names that a message lists. */
    private static final int MOST_SHOWN = 20;

    /** What begins the list of what does not fit, after the file's name. */
    public static final String DOES_NOT_FIT = " does not fit its config.json";

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
        PieceReader.fill(source, fitting(parameters, source, names));
    }

    /**
     * The tensor of a source for each parameter, of a float type.
     *
     * @throws UnsupportedConfigException listing what is missing, surplus or of another shape, or
     *     naming a tensor of another type
     */
    static Map<Parameter, TensorInfo> fitting(
            Parameters parameters, TensorSource source, UnaryOperator<String> names) {
        Map<String, TensorInfo> given = given(source, names);
        misfit(parameters, source.path() + DOES_NOT_FIT, given)
                .ifPresent(m -> {
                    throw new UnsupportedConfigException(m);
                });
        Map<Parameter, TensorInfo> tensors = new LinkedHashMap<>();
        for (Parameter p : parameters.all()) {
            TensorInfo info = Objects.requireNonNull(given.get(p.name()));
            requireRunnable(source.path(), info);
            tensors.put(p, info);
        }
        return tensors;
    }

    private static Map<String, TensorInfo> given(TensorSource source, UnaryOperator<String> names) {
        Map<String, TensorInfo> given = new HashMap<>();
        source.tensors()
                .forEach((name, info) -> {
                    String own = name.endsWith("position_ids") ? "" : names.apply(name);
                    if (!own.isEmpty()) {
                        given.put(own, info);
                    }
                });
        return given;
    }

    /**
     * Whether {@link #load(Parameters, Path)} would take a source, by names and shapes alone.
     *
     * @param declared of the model, which need not be allocated
     * @param what begins the sentence: what does not fit what
     * @return one that lists what is missing, surplus or of another shape; empty if nothing
     */
    public static Optional<String> misfit(Parameters declared, String what, TensorSource source) {
        return misfit(declared, what, given(source, Weights::canonical));
    }

    private static Optional<String> misfit(
            Parameters parameters, String what, Map<String, TensorInfo> given) {
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
        int shown = Math.min(MOST_SHOWN, problems.size());
        return problems.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        what
                                + ": "
                                + String.join("; ", problems.subList(0, shown))
                                + (problems.size() > shown
                                        ? "; and " + (problems.size() - shown) + " more"
                                        : ""));
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

    /**
     * Refuses a file with weights of a type that models are not run from, by its header.
     *
     * @throws UnsupportedConfigException naming the file, a tensor, and how to get the model in
     *     another type
     */
    public static void requireRunnable(Path file) {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo info : f.tensors().values()) {
                if (!info.name().endsWith("position_ids")) {
                    requireRunnable(file, info);
                }
            }
        }
    }

    private static void requireRunnable(Path file, TensorInfo info) {
        if (RUNNABLE.contains(info.dtype())) {
            return;
        }
        // Of a pipeline's component the whole folder is what a command works on.
        Path component = file.toAbsolutePath().getParent();
        boolean inPipeline =
                component != null
                        && component.getParent() != null
                        && DiffusersFolder.isOne(component.getParent());
        Path model = inPipeline ? file.resolveSibling("").resolveSibling("") : file;
        String made =
                inPipeline
                        ? model + "-f16"
                        : model.toString().replaceFirst("(\\.\\w+)?$", "-f16$1");
        throw new UnsupportedConfigException(
                info.dtype().isFloat()
                        ? "%s stores its weights as %s (%s), from which models are not run; 'soup merge %s `dtype` F16 `out` %s' writes the model as F16."
                                .formatted(file, info.dtype(), info.name(), model, made)
                        : "%s stores %s as integers (%s), from which models are not run; get the model with its weights as F16, BF16 or F32."
                                .formatted(file, info.name(), info.dtype()));
    }

    /**
     * Writes every parameter to a safetensors file under the reference's names and layout. Values
     * are converted as they are written, one tensor at a time: none but that one is held twice.
     *
     * @param dtype F32 or F16 (rounded to nearest, ties to even)
     * @param metadata goes into the file's header
     */
    public static void save(
            Parameters parameters, Path file, DType dtype, Map<String, String> metadata) {
        save(parameters, file, dtype, metadata, p -> p.value().detach().onCpu());
    }

    /**
     * Writes a model as it is before it is trained, which {@link Parameters#initialise} would make
     * of it; only one tensor of it is ever held.
     *
     * @param parameters allocated, not touched
     * @param dtype F32 or F16
     * @param seed of the initial values
     * @param metadata goes into the file's header
     */
    public static void saveInitial(
            Parameters parameters,
            Path file,
            DType dtype,
            long seed,
            Map<String, String> metadata) {
        save(parameters, file, dtype, metadata, p -> parameters.initial(p, seed));
    }

    private static void save(
            Parameters parameters,
            Path file,
            DType dtype,
            Map<String, String> metadata,
            Function<Parameter, Tensor> values) {
        if (dtype != DType.F32 && dtype != DType.F16) {
            throw new UnsupportedConfigException("weights are written as F32 or F16, not " + dtype);
        }
        List<TensorEntry> entries = new ArrayList<>();
        for (Parameter p : parameters.all()) {
            entries.add(
                    new TensorEntry(
                            p.name(),
                            dtype,
                            p.shape(),
                            channel -> {
                                try (Scope s = Scope.open();
                                        Torch.Guard off = Torch.gradients(false)) {
                                    Tensor all = values.apply(p);
                                    Tensor stored =
                                            (dtype == DType.F16 ? all.toFloat16() : all.toFloat())
                                                    .contiguous();
                                    TensorBytes.of(stored.memory()).writeTo(channel);
                                }
                            }));
        }
        SafetensorsWriter.write(file, metadata, entries);
    }
}
