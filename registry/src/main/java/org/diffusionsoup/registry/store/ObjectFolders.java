package org.diffusionsoup.registry.store;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;

/** Which objects there are, by the names in their folders. */
record ObjectFolders(StoreLayout layout) {
    /** SHA-256 of all that none of some checkpoints needs. */
    Set<String> hashesBut(Set<String> checkpoints, Manifests manifests) {
        Set<String> names = new HashSet<>();
        if (!Files.isDirectory(layout.folder())) {
            return names;
        }
        for (Inside.Item d : layout.foldersOfObjects()) {
            Inside.list(layout.folder(), StoreLayout.OBJECTS, d.name()).stream()
                    .filter(o -> o.kind() == Inside.Kind.FILE)
                    .map(Inside.Item::name)
                    .filter(n -> n.matches(StoreLayout.HASH))
                    .forEach(names::add);
        }
        checkpoints.forEach(id -> names.removeAll(manifests.pieces(id)));
        return names;
    }

    /** SHA-256 of those that are there whole while damaged bytes of theirs are kept. */
    Set<String> needlesslyAside() {
        Path folder = layout.folder();
        Set<String> hashes = new TreeSet<>();
        if (!Files.isDirectory(folder)) {
            return hashes;
        }
        for (Inside.Item d : layout.foldersOfObjects()) {
            Inside.list(folder, StoreLayout.OBJECTS, d.name()).stream()
                    .map(Inside.Item::name)
                    .filter(n -> n.matches(StoreLayout.HASH + "\\" + Objects.DAMAGED))
                    .map(StoreLayout::hash)
                    .filter(h -> Trees.isFile(new Objects(folder).file(h)))
                    .forEach(hashes::add);
        }
        return hashes;
    }

    /** Deletes the damaged bytes of one that were put aside. */
    void dropDamaged(String sha256) {
        Inside.delete(
                layout.folder(),
                StoreLayout.OBJECTS,
                sha256.substring(0, 2),
                sha256 + Objects.DAMAGED);
    }
}
