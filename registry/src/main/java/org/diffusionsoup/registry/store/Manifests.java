package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Hashes;

/**
 * The manifests of the checkpoints in a store, each in a file named by its SHA-256.
 *
 * @param staged of a checkpoint to read that is not in the store yet
 */
record Manifests(StoreLayout layout, Optional<Manifest> staged) {
    /** Whether one is present; its objects may still be damaged. */
    boolean has(String id) {
        return isStaged(id) || Files.exists(layout.manifest(id));
    }

    private boolean isStaged(String id) {
        return staged.filter(m -> m.id().equals(id)).isPresent();
    }

    /** Ids of all that are in the store. */
    List<String> ids() {
        if (!Files.isDirectory(layout.folder())) {
            return List.of();
        }
        return Inside.list(layout.folder(), StoreLayout.MANIFESTS).stream()
                .filter(i -> i.kind() == Inside.Kind.FILE)
                .map(Inside.Item::name)
                .filter(n -> n.matches(StoreLayout.HASH + "\\" + StoreLayout.MANIFEST))
                .map(StoreLayout::hash)
                .sorted()
                .toList();
    }

    /**
     * Reads one.
     *
     * @throws StoreException if it is missing or altered
     */
    Manifest read(String id) {
        if (isStaged(id)) {
            return staged.get();
        }
        Path file = layout.manifest(id);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new StoreException(
                    "The store "
                            + layout.folder()
                            + " has no checkpoint "
                            + id
                            + " (manifest missing).");
        }
        return read(file, id);
    }

    /**
     * Reads one, also of a checkpoint whose objects are gone.
     *
     * @throws StoreException if it is missing or altered
     */
    Manifest readKnown(String id) {
        Path known = layout.known(id);
        return has(id) || !Files.exists(known, LinkOption.NOFOLLOW_LINKS)
                ? read(id)
                : read(known, id);
    }

    private static Manifest read(Path file, String id) {
        try {
            if (!Trees.isFile(file)) {
                throw new StoreException(file + " was altered: it is no file.");
            }
            byte[] text = Files.readAllBytes(file);
            if (!Hashes.sha256Hex(text).equals(id)) {
                throw new StoreException(
                        file + " was altered: its SHA-256 is not the one in its name.");
            }
            return Manifest.parse(text, file.toString());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** SHA-256 of a checkpoint's objects; none where its manifest is missing or damaged. */
    Set<String> pieces(String id) {
        try {
            return read(id).pieces();
        } catch (SoupException e) {
            return Set.of();
        }
    }

    /** Writes one, unless it is there. */
    void write(Manifest manifest) {
        Path target = layout.manifest(manifest.id());
        if (!Trees.isFile(target)) {
            Inside.make(layout.folder(), StoreLayout.MANIFESTS);
            AtomicFiles.write(target, manifest.text().getBytes(StandardCharsets.UTF_8));
        }
    }

    /** Keeps what a checkpoint held, before its manifest goes; one that is damaged says nothing. */
    void remember(String id) {
        try {
            Manifest m = read(id);
            if (!Trees.isFile(layout.known(id))) {
                Inside.make(layout.folder(), StoreLayout.KNOWN);
                AtomicFiles.write(layout.known(id), m.text().getBytes(StandardCharsets.UTF_8));
            }
        } catch (StoreException e) {
            // Then fsck tells that it is not known.
        }
    }

    void delete(String id) {
        Inside.delete(layout.folder(), StoreLayout.MANIFESTS, id + StoreLayout.MANIFEST);
    }
}
