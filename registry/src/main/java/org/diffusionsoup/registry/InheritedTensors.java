package org.diffusionsoup.registry;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.DType;
import org.diffusionsoup.core.Elements;
import org.diffusionsoup.core.SafetensorsFile;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Tells tensors that are a base's own in another number format, as a text encoder that was not
 * trained and saved in F16: their hashes are not the base's, but they have nothing of any picture.
 */
final class InheritedTensors {
    private static final int BLOCK = 1 << 16;

    private final WeightStore store;

    InheritedTensors(WeightStore store) {
        this.store = store;
    }

    /**
     * Those of some hashes that are of tensors, or of whole files of tensors, which the base has
     * too but for their format. Reads both checkpoints; empty where one cannot be read.
     */
    Set<String> among(Set<String> hashes, String checkpoint, String base) {
        try (WeightStore.Session session = store.open()) {
            Manifest m = store.manifest(checkpoint);
            Manifest of = store.manifest(base);
            Path files = session.work().resolve("inherited");
            Path baseFiles = session.work().resolve("inherited-from");
            store.rebuild(checkpoint, files);
            store.rebuild(base, baseFiles);
            Set<String> same = new HashSet<>();
            for (StoredFile f : m.files()) {
                boolean asked =
                        hashes.contains(f.sha256())
                                || f.pieces().stream().anyMatch(p -> hashes.contains(p.sha256()));
                if (f.isWeights() && asked) {
                    same.addAll(file(f, files, of, baseFiles));
                }
            }
            same.retainAll(hashes);
            return same;
        } catch (SoupException e) {
            return Set.of(); // what cannot be looked at is not excused
        }
    }

    private static Set<String> file(StoredFile f, Path files, Manifest base, Path baseFiles) {
        Set<String> same = new HashSet<>();
        Map<String, SafetensorsFile> where = new HashMap<>();
        try (SafetensorsFile here = SafetensorsFile.open(files.resolve(f.path()))) {
            for (StoredFile b : base.files()) {
                if (b.isWeights() && component(b).equals(component(f))) {
                    SafetensorsFile open = SafetensorsFile.open(baseFiles.resolve(b.path()));
                    open.tensors().keySet().forEach(t -> where.putIfAbsent(t, open));
                }
            }
            List<TensorInfo> tensors = List.copyOf(here.tensors().values());
            boolean all = true;
            for (int i = 0; i < tensors.size(); i++) {
                TensorInfo t = tensors.get(i);
                SafetensorsFile there = where.get(t.name());
                if (there != null && isSame(here, t, there, there.tensor(t.name()))) {
                    same.add(f.pieces().get(i + 1).sha256());
                } else if (t.dtype().isFloat()) {
                    all = false;
                }
            }
            if (all) {
                same.add(f.sha256());
            }
        } finally {
            new HashSet<>(where.values()).forEach(SafetensorsFile::close);
        }
        return same;
    }

    private static String component(StoredFile f) {
        return f.path().substring(0, f.path().lastIndexOf('/') + 1);
    }

    /** Whether the base's values, rounded to the format, are the bytes. */
    private static boolean isSame(
            SafetensorsFile here, TensorInfo t, SafetensorsFile there, TensorInfo of) {
        if (!t.sameShape(of) || !t.dtype().isFloat() || !of.dtype().isFloat()) {
            return false;
        }
        DType to = t.dtype();
        double[] values = new double[BLOCK];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate((long) BLOCK * of.dtype().bytes());
            MemorySegment want = arena.allocate((long) BLOCK * to.bytes());
            MemorySegment have = arena.allocate((long) BLOCK * to.bytes());
            for (long at = 0; at < t.elements(); at += BLOCK) {
                int n = (int) Math.min(BLOCK, t.elements() - at);
                there.read(
                        of.name(),
                        at * of.dtype().bytes(),
                        in.asSlice(0, (long) n * of.dtype().bytes()));
                MemorySegment bytes = have.asSlice(0, (long) n * to.bytes());
                here.read(t.name(), at * to.bytes(), bytes);
                Elements.decode(of.dtype(), in, values, n);
                Elements.encode(to, values, want, n);
                if (bytes.mismatch(want.asSlice(0, bytes.byteSize())) >= 0) {
                    return false;
                }
            }
        }
        return true;
    }
}
