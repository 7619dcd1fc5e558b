package org.diffusionsoup.core.torch;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.torch.PickleValue.Global;

/**
 * The only names that a pickle may import. None of them runs anything: tensors become descriptions,
 * everything else becomes an opaque value without looking at its arguments.
 */
final class PickleGlobals {
    /** What a name stands for. */
    enum Role {
        /** Called with nothing, an empty dict. */
        ORDERED_DICT,
        /** Called with a typed storage, a tensor. */
        REBUILD_TENSOR_V2,
        /** Called with an untyped storage and a dtype, a tensor. */
        REBUILD_TENSOR_V3,
        /** Called with a tensor, that tensor. */
        REBUILD_PARAMETER,
        /** The type of a storage, in persistent ids. */
        STORAGE,
        /** A dtype. */
        DTYPE,
        /** Called with anything, an opaque value. */
        INERT_CALL,
        /** Not callable: a dictionary key, an argument of an inert call. */
        INERT,
        /** A class or function of objects beside a state dict: called or not, an opaque value. */
        LEFT_OUT
    }

    private static final Map<String, Global> ALLOWED = allowed();

    private PickleGlobals() {}

    /**
     * Packages whose objects training leaves beside a state dict: settings, callbacks, counters.
     * Nothing of them is looked up or run; whatever a pickle builds of them is one opaque value.
     */
    private static final List<String> LEFT_OUT =
            List.of(
                    "omegaconf.",
                    "pytorch_lightning.",
                    "lightning.",
                    "lightning_fabric.",
                    "lightning_utilities.",
                    "pathlib.",
                    "datetime.",
                    "typing.",
                    "torch.optim.",
                    "torch.torch_version.",
                    "torchmetrics.",
                    "accelerate.",
                    "yacs.config.",
                    "easydict.",
                    "ml_collections.");

    private static final Set<String> LEFT_OUT_NAMES =
            Set.of(
                    "collections.Counter",
                    "collections.defaultdict",
                    "collections.deque",
                    "argparse.Namespace",
                    "types.SimpleNamespace",
                    "decimal.Decimal",
                    "fractions.Fraction",
                    "uuid.UUID",
                    "enum.Enum",
                    "numpy.ndarray",
                    "numpy.core.multiarray._reconstruct",
                    "numpy._core.multiarray._reconstruct",
                    "numpy.random.__RandomState_ctor",
                    "torch.Generator",
                    "copyreg._reconstructor",
                    "copy_reg._reconstructor");

    /** Types of Python's own, which appear as arguments of the others. */
    private static final Set<String> TYPES =
            Set.of(
                    "int",
                    "float",
                    "bool",
                    "str",
                    "bytes",
                    "dict",
                    "list",
                    "tuple",
                    "set",
                    "frozenset",
                    "object",
                    "complex",
                    "slice",
                    "range",
                    "bytearray");

    /**
     * PyTorch's dtypes that no arithmetic is defined for here, and the types of their storages:
     * complex, quantized, packed; and what makes sparse and quantized tensors. Nothing is wrong
     * with a file of them; it is not read.
     */
    private static final Pattern OTHER_TENSORS =
            Pattern.compile(
                    "torch\\.(?:(?:Complex(?:Half|Float|Double)|QU?Int(?:\\d+|4x2|2x4))Storage"
                            + "|complex(?:32|64|128)|cfloat|cdouble|chalf|q(?:u?int)[0-9x]+"
                            + "|bits[0-9x]+|float[48]_e\\w+|u?int[1-7]"
                            + "|_utils\\._rebuild_(?:qtensor|sparse_tensor|nested_tensor))");

    /** Whether that names PyTorch's tensors of a kind that is not read. */
    static boolean isOfOtherTensors(String name) {
        return !ALLOWED.containsKey(name) && OTHER_TENSORS.matcher(name).matches();
    }

    /** The allowed global of that full name, such as {@code torch.FloatStorage}. */
    static Optional<Global> of(String name) {
        Global known = ALLOWED.get(name);
        if (known != null) {
            return Optional.of(known);
        }
        boolean type =
                (name.startsWith("builtins.") || name.startsWith("__builtin__."))
                        && TYPES.contains(name.substring(name.indexOf('.') + 1));
        boolean object =
                LEFT_OUT_NAMES.contains(name) || LEFT_OUT.stream().anyMatch(name::startsWith);
        return type || object
                ? Optional.of(new Global(name, Role.LEFT_OUT, Optional.empty()))
                : Optional.empty();
    }

    /** Whether a name is worth telling where it was left out. */
    static boolean isTold(Global global) {
        return global.role() == Role.LEFT_OUT
                && !global.name().startsWith("builtins.")
                && !global.name().startsWith("__builtin__.")
                && !global.name().startsWith("typing.")
                && !global.name().startsWith("copy");
    }

    private static Map<String, Global> allowed() {
        Map<String, Global> all = new HashMap<>();
        add(all, "collections.OrderedDict", Role.ORDERED_DICT);
        add(all, "torch._utils._rebuild_tensor_v2", Role.REBUILD_TENSOR_V2);
        add(all, "torch._utils._rebuild_tensor_v3", Role.REBUILD_TENSOR_V3);
        add(all, "torch._utils._rebuild_parameter", Role.REBUILD_PARAMETER);
        Map.of(
                        "Double", DType.F64,
                        "Float", DType.F32,
                        "Half", DType.F16,
                        "BFloat16", DType.BF16,
                        "Long", DType.I64,
                        "Int", DType.I32,
                        "Short", DType.I16,
                        "Char", DType.I8,
                        "Byte", DType.U8,
                        "Bool", DType.BOOL)
                .forEach((n, d) -> add(all, "torch." + n + "Storage", Role.STORAGE, d));
        add(all, "torch.UntypedStorage", Role.STORAGE);
        add(all, "torch.storage.UntypedStorage", Role.STORAGE);
        Map.ofEntries(
                        Map.entry("float64", DType.F64),
                        Map.entry("float32", DType.F32),
                        Map.entry("float16", DType.F16),
                        Map.entry("bfloat16", DType.BF16),
                        Map.entry("float8_e4m3fn", DType.F8_E4M3),
                        Map.entry("float8_e5m2", DType.F8_E5M2),
                        Map.entry("int64", DType.I64),
                        Map.entry("int32", DType.I32),
                        Map.entry("int16", DType.I16),
                        Map.entry("int8", DType.I8),
                        Map.entry("uint64", DType.U64),
                        Map.entry("uint32", DType.U32),
                        Map.entry("uint16", DType.U16),
                        Map.entry("uint8", DType.U8),
                        Map.entry("bool", DType.BOOL))
                .forEach((n, d) -> add(all, "torch." + n, Role.DTYPE, d));
        // What training frameworks leave beside a state dict: epochs and losses as NumPy scalars,
        // callbacks by their class.
        for (String n :
                List.of(
                        "torch.Size",
                        "torch.device",
                        "_codecs.encode",
                        "numpy.dtype",
                        "numpy.core.multiarray.scalar",
                        "numpy._core.multiarray.scalar",
                        "builtins.set",
                        "__builtin__.set")) {
            add(all, n, Role.INERT_CALL);
        }
        for (String n :
                List.of(
                        "pytorch_lightning.callbacks.ModelCheckpoint",
                        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
                        "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint")) {
            add(all, n, Role.INERT);
        }
        return Map.copyOf(all);
    }

    private static void add(Map<String, Global> all, String name, Role role) {
        all.put(name, new Global(name, role, Optional.empty()));
    }

    private static void add(Map<String, Global> all, String name, Role role, DType dtype) {
        all.put(name, new Global(name, role, Optional.of(dtype)));
    }
}
