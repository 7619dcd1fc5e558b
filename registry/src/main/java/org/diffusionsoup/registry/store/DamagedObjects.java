package org.diffusionsoup.registry.store;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/** A store's objects whose bytes are not what they should be: they are kept aside, not deleted. */
public final class DamagedObjects {
    private final StoreLayout layout;

    DamagedObjects(StoreLayout layout) {
        this.layout = layout;
    }

    /**
     * Takes a damaged object out of the way of a whole one, and keeps it: nobody may have another
     * copy. What is no file is deleted.
     */
    public void putAside(String sha256) {
        String[] path = {StoreLayout.OBJECTS, sha256.substring(0, 2), sha256};
        if (Trees.isFile(new Objects(layout.folder()).file(sha256))) {
            Inside.rename(layout.folder(), sha256 + Objects.DAMAGED, path);
        } else {
            Inside.delete(layout.folder(), path);
        }
    }

    /** SHA-256 of those that are there whole while damaged bytes of theirs are kept. */
    public Set<String> needlesslyAside() {
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
    public void drop(String sha256) {
        Inside.delete(
                layout.folder(),
                StoreLayout.OBJECTS,
                sha256.substring(0, 2),
                sha256 + Objects.DAMAGED);
    }
}
