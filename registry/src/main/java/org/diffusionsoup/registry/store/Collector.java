package org.diffusionsoup.registry.store;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore.Wanted;

/** One collection of garbage, while nobody adds. */
final class Collector {
    private final WeightStore store;
    private final Objects objects;
    private final long newest;
    private long freed;

    Collector(WeightStore store, Objects objects, long graceMillis) {
        this.store = store;
        this.objects = objects;
        this.newest = System.currentTimeMillis() - graceMillis;
    }

    long run(Wanted wanted) {
        // Whoever would use these is gone, or waits for the lock.
        Trees.list(store.workFolder()).forEach(this::drop);
        Set<String> needed = new HashSet<>();
        for (String id : store.ids()) {
            Path file = store.manifests().resolve(id + ".json");
            if (wanted.checkpoints().contains(id) || Trees.isYounger(file, newest)) {
                try {
                    for (StoredFile f : store.manifest(id).files()) {
                        f.pieces().stream().map(Piece::sha256).forEach(needed::add);
                    }
                } catch (SoupException e) {
                    throw new StoreException(
                            "Nothing was deleted, because it is not known what a damaged checkpoint"
                                    + " needs; run 'soup fsck' first. "
                                    + e.getMessage());
                }
            }
        }
        // Manifests before objects: killed in between, no manifest lacks an object.
        for (Path m : Trees.list(store.manifests())) {
            String name = m.getFileName().toString();
            boolean keep =
                    name.length() > 64 && wanted.checkpoints().contains(name.substring(0, 64));
            if (!keep && !Trees.isYounger(m, newest)) {
                drop(m);
            }
        }
        for (Path s : Trees.list(store.sums())) {
            if (!wanted.sums().contains(s.getFileName().toString())
                    && !Trees.isYounger(s, newest)) {
                drop(s);
            }
        }
        for (Path o : objects.all()) {
            if (!needed.contains(o.getFileName().toString()) && !Trees.isYounger(o, newest)) {
                drop(o);
            }
        }
        return freed;
    }

    private void drop(Path p) {
        freed += Trees.size(p);
        Trees.delete(p);
    }
}
