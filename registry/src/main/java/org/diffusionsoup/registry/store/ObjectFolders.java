package org.diffusionsoup.registry.store;

import java.nio.file.Files;
import java.util.HashSet;
import java.util.Set;

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
}
