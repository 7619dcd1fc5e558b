package org.diffusionsoup.core.lora;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A component with updates in its weights; it borrows its origin, and closing it closes nothing.
 */
final class FusedSource implements TensorSource {
    /** One update and how much of it. */
    record Part(LoraLayer layer, double strength) {}

    private record Made(String tensor, byte[] bytes) {}

    private final TensorSource origin;
    private final Map<String, List<Part>> updates;
    private Optional<Made> last = Optional.empty();

    /**
     * @param updates by the name of the tensor, in the order in which they are added
     */
    FusedSource(TensorSource origin, Map<String, List<Part>> updates) {
        this.origin = origin;
        this.updates = Map.copyOf(updates);
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
    public List<String> notes() {
        return origin.notes();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return origin.tensors();
    }

    @Override
    public List<Path> files() {
        return origin.files();
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        if (!updates.containsKey(tensor)) {
            origin.read(tensor, from, into);
            return;
        }
        TensorInfo info = tensor(tensor);
        if (from < 0 || from > info.byteSize() - into.byteSize()) {
            throw new SoupException(
                    "Tensor '%s' of %s has no bytes %d to %d."
                            .formatted(tensor, path(), from, from + into.byteSize()));
        }
        MemorySegment.copy(MemorySegment.ofArray(made(info)), from, into, 0, into.byteSize());
    }

    /** Tensors are read piece by piece, so the last one is kept. */
    private synchronized byte[] made(TensorInfo info) {
        if (last.isPresent() && last.get().tensor.equals(info.name())) {
            return last.get().bytes;
        }
        byte[] bytes = fuse(info);
        last = Optional.of(new Made(info.name(), bytes));
        return bytes;
    }

    private byte[] fuse(TensorInfo info) {
        int n = Math.toIntExact(info.elements());
        double[] old = new double[n];
        try (Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(Math.max(1, info.byteSize()), 8);
            MemorySegment exact = data.asSlice(0, info.byteSize());
            origin.read(info.name(), 0, exact);
            Elements.decode(info.dtype(), exact, old, n);
            double[] sum = old.clone();
            for (Part p : Objects.requireNonNull(updates.get(info.name()))) {
                double[] change = p.layer.change(old, info.shape(), p.strength);
                for (int i = 0; i < n; i++) {
                    sum[i] += change[i];
                }
            }
            int bad = Elements.encode(info.dtype(), sum, exact, n);
            if (bad >= 0) {
                throw new SoupException(
                        "Tensor '%s' of %s becomes %s at element %d with its LoRA in it, which %s does not hold; use a smaller strength."
                                .formatted(
                                        info.name(), origin.path(), sum[bad], bad, info.dtype()));
            }
            return exact.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @Override
    public void checkUnchanged() {
        origin.checkUnchanged();
        updates.values().stream()
                .flatMap(List::stream)
                .map(p -> p.layer.source())
                .distinct()
                .forEach(TensorSource::checkUnchanged);
    }

    @Override
    public void close() {}
}
