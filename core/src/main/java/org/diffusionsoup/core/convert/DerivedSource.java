package org.diffusionsoup.core.convert;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** Derived tensors as a state dict; it borrows its origin, and closing it closes nothing. */
final class DerivedSource implements TensorSource {
    private final TensorSource origin;
    private final Map<String, Derived> derived = new LinkedHashMap<>();
    private final SequencedMap<String, TensorInfo> infos = new LinkedHashMap<>();

    DerivedSource(TensorSource origin, Collection<Derived> tensors) {
        this.origin = origin;
        for (Derived d : tensors) {
            if (derived.put(d.info().name(), d) != null) {
                throw new SoupException(
                        origin.path()
                                + " holds two tensors that both become '"
                                + d.info().name()
                                + "'.");
            }
            infos.put(d.info().name(), d.info());
        }
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
        return Collections.unmodifiableSequencedMap(infos);
    }

    @Override
    public List<Path> files() {
        return origin.files();
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        TensorInfo info = tensor(tensor);
        if (from < 0 || from > info.byteSize() - into.byteSize()) {
            throw new SoupException(
                    "Tensor '"
                            + tensor
                            + "' in "
                            + path()
                            + " has "
                            + info.byteSize()
                            + " bytes, fewer than asked for.");
        }
        Derived d = derived.get(tensor);
        if (d != null) {
            d.reader().read(from, into);
        }
    }

    @Override
    public void checkUnchanged() {
        origin.checkUnchanged();
    }

    @Override
    public void close() {}
}
