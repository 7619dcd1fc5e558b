package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/** Reads everything that some checkpoints consist of. */
final class StoreCheck {
    private static final Set<String> FOLDERS =
            Set.of(
                    StoreLayout.OBJECTS,
                    StoreLayout.MANIFESTS,
                    StoreLayout.KNOWN,
                    StoreLayout.SUMS,
                    StoreLayout.WORK,
                    StoreLayout.CERTIFICATES);
    private static final Set<String> FILES =
            Set.of(StoreLayout.LOCK, StoreLayout.OWNER, StoreLayout.HEAD);

    private static final int MOST_TOLD = 20;

    private final Manifests manifests;
    private final Objects objects;

    private final boolean reads;

    /** What is wrong with an object, empty if nothing is; each is read once. */
    private final Map<String, String> seen = new HashMap<>();

    /**
     * @param reads whether every byte is read, or only looked whether objects are there and of
     *     their size
     */
    StoreCheck(Manifests manifests, Objects objects, boolean reads) {
        this.manifests = manifests;
        this.objects = objects;
        this.reads = reads;
    }

    static List<String> links(Path folder) {
        List<String> found = new ArrayList<>();
        for (Inside.Item i : Inside.list(folder)) {
            boolean own = FOLDERS.contains(i.name());
            if (own && i.kind() != Inside.Kind.FOLDER) {
                found.add(String.valueOf(Inside.notAFolder(folder.resolve(i.name())).getMessage()));
            }
            if (own && i.kind() == Inside.Kind.FOLDER && i.name().equals(StoreLayout.OBJECTS)) {
                Path objects = folder.resolve(i.name());
                Inside.list(folder, i.name()).stream()
                        .filter(StoreLayout::isNamedForObjects)
                        .filter(d -> d.kind() != Inside.Kind.FOLDER)
                        .forEach(d ->
                                found.add(
                                        String.valueOf(
                                                Inside.notAFolder(objects.resolve(d.name()))
                                                        .getMessage())));
            }
        }
        return found;
    }

    static List<String> foreign(Path folder) {
        List<String> found = new ArrayList<>();
        int more = 0;
        for (Inside.Item i : Inside.list(folder)) {
            List<String> strange = new ArrayList<>();
            if (!FOLDERS.contains(i.name())
                    && !FILES.contains(i.name())
                    && !i.name().matches(StoreMarks.UNFINISHED)) {
                strange.add(i.name());
            } else if (i.name().equals(StoreLayout.OBJECTS) && i.kind() == Inside.Kind.FOLDER) {
                Inside.list(folder, i.name()).stream()
                        .filter(d -> !StoreLayout.isNamedForObjects(d))
                        .forEach(d -> strange.add(i.name() + "/" + d.name()));
            }
            if (List.of(StoreLayout.MANIFESTS, StoreLayout.KNOWN).contains(i.name())
                    && i.kind() == Inside.Kind.FOLDER) {
                Inside.list(folder, i.name()).stream()
                        .filter(m ->
                                !m.name().matches("\\.?" + StoreLayout.HASH + "\\.json(\\.tmp.*)?"))
                        .forEach(m -> strange.add(i.name() + "/" + m.name()));
            }
            for (String name : strange) {
                if (found.size() < MOST_TOLD) {
                    found.add(
                            folder.resolve(Visible.shortened(name))
                                    + " is not the store's; 'soup gc' leaves it");
                } else {
                    more++;
                }
            }
        }
        if (more > 0) {
            found.add(folder + " has " + more + " more things that are not the store's");
        }
        return found;
    }

    List<StoreFinding> run(TreeMap<String, String> wanted) {
        List<StoreFinding> found = new ArrayList<>();
        wanted.forEach((id, name) -> {
            Manifest m;
            try {
                m = manifests.read(id);
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
            Path damaged = objects.damaged(p.sha256());
            return Trees.isFile(damaged)
                    ? "missing, what was damaged is kept as " + damaged.getFileName()
                    : "missing";
        }
        if (!Trees.isFile(file)) {
            return "altered, it is no file";
        }
        try {
            if (Files.size(file) != p.size()) {
                return "altered, it has " + Files.size(file) + " bytes, not " + p.size();
            }
            return !reads || Hashes.sha256(file).equals(p.sha256())
                    ? ""
                    : "altered, its SHA-256 is not the one in its name";
        } catch (SoupException e) {
            return String.valueOf(e.getMessage());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
