package org.diffusionsoup.registry.store;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/** Reads everything that some checkpoints consist of. */
final class StoreCheck {
    private final WeightStore store;
    private final Objects objects;

    /** What is wrong with an object, empty if nothing is; each is read once. */
    private final Map<String, String> seen = new HashMap<>();

    StoreCheck(WeightStore store, Objects objects) {
        this.store = store;
        this.objects = objects;
    }

    List<StoreFinding> run(TreeMap<String, String> wanted) {
        List<StoreFinding> found = new ArrayList<>();
        wanted.forEach((id, name) -> {
            Manifest m;
            try {
                m = store.manifest(id);
            } catch (SoupException e) {
                found.add(new StoreFinding(id, "", name + ": " + e.getMessage()));
                return;
            }
            for (StoredFile f : m.files()) {
                for (int i = 0; i < f.pieces().size(); i++) {
                    Piece p = f.pieces().get(i);
                    String wrong = seen.computeIfAbsent(p.sha256(), h -> wrong(p));
                    if (!wrong.isEmpty()) {
                        String piece =
                                f.pieces().size() == 1
                                        ? ""
                                        : i == 0 ? ", its header" : ", tensor " + i;
                        found.add(
                                new StoreFinding(
                                        id,
                                        p.sha256(),
                                        objects.file(p.sha256())
                                                + ": "
                                                + wrong
                                                + " ("
                                                + name
                                                + ", file "
                                                + f.path()
                                                + piece
                                                + ")"));
                    }
                }
            }
        });
        return found;
    }

    private String wrong(Piece p) {
        Path file = objects.file(p.sha256());
        if (!Files.exists(file)) {
            return "missing";
        }
        try {
            return Hashes.sha256(file).equals(p.sha256())
                    ? ""
                    : "altered, its SHA-256 is not the one in its name";
        } catch (SoupException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
