package org.diffusionsoup.core.torch;

import java.nio.file.Path;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Shapes;
import org.diffusionsoup.core.tensor.StridedView;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.torch.PickleValue.Dict;
import org.diffusionsoup.core.torch.PickleValue.Sequence;
import org.diffusionsoup.core.torch.PickleValue.Storage;
import org.diffusionsoup.core.torch.PickleValue.Tensor;
import org.diffusionsoup.core.torch.PickleValue.Text;

/** Finds the state dict in what a pickle holds and places its tensors in the archive. */
record TorchStateDict(Path file, Map<String, TorchZip.Entry> entries, String root) {
    /** Tensors may share bytes, but a small file must not claim to hold terabytes. */
    private static final int MAX_REPEAT = 16;

    private static final long SMALL = 1 << 20;

    /** A tensor and how its elements lie from {@code info.offset()} on. */
    record Placed(TensorInfo info, StridedView view, long spanBytes) {}

    /**
     * How a state dict is called inside what training saves, in the order of preference: the
     * weights before their moving average.
     */
    private static final List<String> NAMES =
            List.of(
                    "state_dict",
                    "model_state_dict",
                    "model",
                    "module",
                    "params",
                    "params_ema",
                    "ema_state_dict",
                    "model_ema",
                    "ema",
                    "weights",
                    "net",
                    "network");

    /** How deep dicts are looked into for a state dict. */
    private static final int DEPTH = 4;

    /**
     * The tensors in the state dict's order: that of the value itself if it holds tensors, else of
     * the dict under one of {@link #NAMES}, else of the only dict in it that holds any. What lies
     * beside it is training state and is left out.
     *
     * @param leftOut receives what else the state dict itself holds under names of its own
     * @throws SoupException if there is no dict of tensors, or there are several of which none has
     *     a known name
     * @throws MalformedCheckpointException if a tensor does not fit its storage
     */
    SequencedMap<String, Placed> tensors(PickleValue top, long fileSize, Set<String> leftOut) {
        Dict dict = stateDict(top);
        if (top instanceof Dict outer) {
            long taken = Math.max(1, tensorsIn(dict));
            nameOthers(outer, "", DEPTH, taken, identities(dict), leftOut);
        }
        LinkedHashMap<String, Placed> tensors = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys.size(); i++) {
            PickleValue value = dict.values.get(i);
            if (!(dict.keys.get(i) instanceof Text(String name))) {
                throw new SoupException(
                        file + " has " + dict.keys.get(i).kind() + " as a tensor's name.");
            }
            if (value instanceof Tensor t) {
                tensors.put(name, place(name, t));
            } else if (value instanceof Dict || value instanceof Sequence) {
                throw new SoupException(
                        file
                                + " holds "
                                + value.kind()
                                + " under '"
                                + MalformedCheckpointException.clip(name)
                                + "' where a state dict holds a tensor; save the state dict alone"
                                + " (or as 'state_dict') from PyTorch.");
            } else {
                leftOut.add(
                        "'" + MalformedCheckpointException.clip(name) + "' (" + value.kind() + ")");
            }
        }
        long total = 0;
        for (Placed p : tensors.values()) {
            total = Math.addExact(total, p.info.byteSize());
        }
        if (total / MAX_REPEAT > fileSize + SMALL) {
            throw new MalformedCheckpointException(
                    file,
                    "state dict",
                    "tensors of at most " + MAX_REPEAT + " times the file's size",
                    total + " bytes that share " + fileSize);
        }
        return tensors;
    }

    /**
     * Names what could be taken for the model, too: dicts of at least half as many tensors, such as
     * the moving average beside the weights.
     *
     * @param taken how many tensors the one that is taken has, at least 1
     * @param seen it, and what was looked at: a file may hold a dict in many places
     */
    private static void nameOthers(
            Dict outer, String path, int depth, long taken, Set<Dict> seen, Set<String> leftOut) {
        for (int i = 0; i < outer.keys.size(); i++) {
            if (!(outer.keys.get(i) instanceof Text(String key))
                    || !(outer.values.get(i) instanceof Dict d)
                    || key.contains("optimizer")
                    || !seen.add(d)) {
                continue;
            }
            if (2 * tensorsIn(d) >= taken) {
                leftOut.add(
                        "'"
                                + MalformedCheckpointException.clip(path + key)
                                + "' (another dict of tensors)");
            } else if (depth > 1) {
                nameOthers(d, path + key + "/", depth - 1, taken, seen, leftOut);
            }
        }
    }

    private static Set<Dict> identities(Dict first) {
        Set<Dict> all = Collections.newSetFromMap(new IdentityHashMap<>());
        all.add(first);
        return all;
    }

    private static long tensorsIn(Dict d) {
        return d.values.stream().filter(Tensor.class::isInstance).count();
    }

    private Dict stateDict(PickleValue top) {
        if (!(top instanceof Dict outer)) {
            throw new SoupException(
                    file + " holds " + top.kind() + ", not a state dict of tensors.");
        }
        if (outer.keys.isEmpty()) {
            return outer;
        }
        Optional<Dict> found = inside(outer, DEPTH, new IdentityHashMap<>());
        if (found.isPresent()) {
            return found.get();
        }
        // What is wrong with it is told when its tensors are looked at.
        Optional<PickleValue> named = outer.get("state_dict");
        if (named.isPresent() && !(named.get() instanceof Dict)) {
            throw new SoupException(
                    file
                            + " holds "
                            + named.get().kind()
                            + " as 'state_dict', not a dict of tensors.");
        }
        if (outer.keys.getFirst() instanceof Text(String first)
                && outer.values.stream().noneMatch(Dict.class::isInstance)) {
            throw new SoupException(
                    file
                            + " holds "
                            + outer.values.getFirst().kind()
                            + " under '"
                            + MalformedCheckpointException.clip(first)
                            + "' and no tensors; save the state dict from PyTorch.");
        }
        return named.isPresent() && named.get() instanceof Dict d ? d : outer;
    }

    /**
     * @param without dicts in which nothing was found, and how deep they were looked into: a file
     *     may hold one in many places
     */
    private Optional<Dict> inside(Dict outer, int depth, Map<Dict, Integer> without) {
        if (outer.values.stream().anyMatch(Tensor.class::isInstance)) {
            return Optional.of(preferred(outer).orElse(outer));
        }
        if (depth <= without.getOrDefault(outer, 0)) {
            return Optional.empty();
        }
        for (String name : NAMES) {
            if (outer.get(name).orElse(outer) instanceof Dict d && d != outer) {
                Optional<Dict> found =
                        d.keys.isEmpty() ? Optional.of(d) : inside(d, depth - 1, without);
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        SequencedMap<String, Dict> others = new LinkedHashMap<>();
        for (int i = 0; i < outer.keys.size(); i++) {
            if (outer.keys.get(i) instanceof Text(String name)
                    && outer.values.get(i) instanceof Dict d
                    && !name.contains("optimizer")) {
                inside(d, depth - 1, without).ifPresent(x -> others.put(name, x));
            }
        }
        if (others.size() > 1) {
            throw new SoupException(
                    file
                            + " holds several state dicts, "
                            + String.join(
                                    ", ",
                                    others.keySet().stream()
                                            .limit(6)
                                            .map(MalformedCheckpointException::clip)
                                            .toList())
                            + "; save the one that is meant alone from PyTorch.");
        }
        if (others.isEmpty()) {
            without.put(outer, depth);
        }
        return others.isEmpty() ? Optional.empty() : Optional.of(others.firstEntry().getValue());
    }

    /** A state dict under its usual name beside which lies a tensor, such as a step's number. */
    private static Optional<Dict> preferred(Dict outer) {
        for (String name : NAMES.subList(0, 3)) {
            if (outer.get(name).orElse(outer) instanceof Dict d
                    && d.values.stream().anyMatch(Tensor.class::isInstance)) {
                return Optional.of(d);
            }
        }
        return Optional.empty();
    }

    private Placed place(String name, Tensor t) {
        TorchZip.Entry data = storage(name, t.storage());
        int width = t.dtype().bytes();
        try {
            long bytes = Shapes.byteSize(t.dtype(), t.shape());
            long span = Math.multiplyExact(StridedView.span(t.shape(), t.strides()), (long) width);
            long offset = Math.multiplyExact(t.offset(), (long) width);
            if (Math.addExact(offset, span) > data.size()) {
                throw bad(
                        name,
                        "it within its storage of " + data.size() + " bytes",
                        span + " bytes from " + offset);
            }
            return new Placed(
                    new TensorInfo(name, t.dtype(), t.shape(), data.data() + offset, bytes),
                    StridedView.of(width, t.shape(), t.strides()),
                    span);
        } catch (ArithmeticException e) {
            throw bad(name, "a size that fits 63 bits", "sizes that overflow");
        }
    }

    private TorchZip.Entry storage(String name, Storage storage) {
        TorchZip.Entry data = entries.get(root + "data/" + storage.key());
        if (data == null) {
            throw bad(name, "a zip entry data/" + storage.key(), "none");
        }
        long bytes;
        try {
            int width = storage.dtype().map(DType::bytes).orElse(1);
            bytes = Math.multiplyExact(storage.elements(), (long) width);
        } catch (ArithmeticException e) {
            throw bad(name, "a size that fits 63 bits", storage.elements() + " elements");
        }
        if (bytes != data.size()) {
            throw bad(
                    name,
                    "a storage of " + bytes + " bytes",
                    data.size() + " bytes in data/" + storage.key());
        }
        return data;
    }

    private MalformedCheckpointException bad(String name, String expected, String actual) {
        return new MalformedCheckpointException(file, "tensor '" + name + "'", expected, actual);
    }
}
