package org.diffusionsoup.core;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.diffusionsoup.core.PickleValue.Dict;
import org.diffusionsoup.core.PickleValue.Storage;
import org.diffusionsoup.core.PickleValue.Tensor;
import org.diffusionsoup.core.PickleValue.Text;

/** Finds the state dict in what a pickle holds and places its tensors in the archive. */
record TorchStateDict(Path file, Map<String, TorchZip.Entry> entries, String root) {
    /** Tensors may share bytes, but a small file must not claim to hold terabytes. */
    private static final int MAX_REPEAT = 16;

    private static final long SMALL = 1 << 20;

    /** A tensor and how its elements lie from {@code info.offset()} on. */
    record Placed(TensorInfo info, StridedView view, long spanBytes) {}

    /**
     * The tensors in the state dict's order: that of an entry {@code state_dict}, or else of a dict
     * {@code model} (BLIP's name for it), if there is one (what lies beside it is training state
     * and is left out), else of the whole value.
     *
     * @throws SoupException if it is no dict of tensors
     * @throws MalformedCheckpointException if a tensor does not fit its storage
     */
    SequencedMap<String, Placed> tensors(PickleValue top, long fileSize) {
        Dict dict = stateDict(top);
        LinkedHashMap<String, Placed> tensors = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys.size(); i++) {
            if (!(dict.keys.get(i) instanceof Text(String name))) {
                throw new SoupException(
                        file + " has " + dict.keys.get(i).kind() + " as a tensor's name.");
            }
            if (!(dict.values.get(i) instanceof Tensor t)) {
                throw new SoupException(
                        file
                                + " holds "
                                + dict.values.get(i).kind()
                                + " under '"
                                + MalformedCheckpointException.clip(name)
                                + "' where a state dict holds a tensor; save the state dict alone"
                                + " (or as 'state_dict') from PyTorch.");
            }
            tensors.put(name, place(name, t));
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

    private Dict stateDict(PickleValue top) {
        if (!(top instanceof Dict outer)) {
            throw new SoupException(
                    file + " holds " + top.kind() + ", not a state dict of tensors.");
        }
        Optional<PickleValue> inner = outer.get("state_dict");
        if (inner.isEmpty()) {
            return outer.get("model").orElse(outer) instanceof Dict model ? model : outer;
        }
        if (inner.get() instanceof Dict d) {
            return d;
        }
        throw new SoupException(
                file + " holds " + inner.get().kind() + " as 'state_dict', not a dict of tensors.");
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
