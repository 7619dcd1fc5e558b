package org.diffusionsoup.core.tensor;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;

/** A state dict under other names; it borrows its origin, and closing it closes nothing. */
public final class RenamedSource implements TensorSource {
    private final TensorSource origin;
    private final Map<String, String> originals;
    private final SequencedMap<String, TensorInfo> tensors = new LinkedHashMap<>();

    /**
     * @param originals each new name's old one
     * @param shapes those that change, by new name, of as many elements
     */
    public RenamedSource(
            TensorSource origin,
            SequencedMap<String, String> originals,
            Map<String, long[]> shapes) {
        this.origin = origin;
        this.originals = originals;
        originals.forEach((name, old) -> {
            TensorInfo t = origin.tensor(old);
            tensors.put(
                    name,
                    new TensorInfo(
                            name,
                            t.dtype(),
                            shapes.getOrDefault(name, t.shape()),
                            t.offset(),
                            t.byteSize()));
        });
    }

    /** The name that a tensor has in the origin. */
    public String original(String tensor) {
        return originals.getOrDefault(tensor, tensor);
    }

    @Override
    public Path path() {
        return origin.path();
    }

    @Override
    public Map<String, String> metadata() {
        return origin.metadata();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(tensors);
    }

    @Override
    public List<Path> files() {
        return origin.files();
    }

    @Override
    public List<String> notes() {
        return origin.notes();
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        tensor(tensor);
        origin.read(Objects.requireNonNull(originals.get(tensor)), from, into);
    }

    @Override
    public void checkUnchanged() {
        origin.checkUnchanged();
    }

    @Override
    public void close() {}
}
