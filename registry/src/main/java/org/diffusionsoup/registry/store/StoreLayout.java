package org.diffusionsoup.registry.store;

import java.nio.file.Path;
import java.util.List;

/**
 * Where things lie in a store's folder, and the names that a store gives them.
 *
 * @param folder the store's
 */
record StoreLayout(Path folder) {
    /** Folder of the objects, each in a folder below it that has two digits of its name. */
    static final String OBJECTS = "objects";

    static final String MANIFESTS = "manifests";

    /** Manifests of recorded checkpoints whose objects are gone: what they held is known still. */
    static final String KNOWN = "known";

    static final String SUMS = "sums";
    static final String WORK = "work";
    static final String CERTIFICATES = "certificates";

    static final String LOCK = "lock";

    /** Names the registry that the store belongs to. */
    static final String OWNER = "registry.json";

    /** Notes how far the ledger is. */
    static final String HEAD = "head.json";

    /** What is behind a checkpoint's id in its manifest's name. */
    static final String MANIFEST = ".json";

    /** Pattern of an object's name, a checkpoint's id and a sum's name. */
    static final String HASH = "[0-9a-f]{64}";

    private static final int HASH_DIGITS = 64;
    private static final String OBJECT_FOLDER = "[0-9a-f]{2}";

    /** The id or hash that a name begins with. */
    static String hash(String name) {
        return name.substring(0, HASH_DIGITS);
    }

    /** Whether something in {@link #OBJECTS} has the name of a folder of objects. */
    static boolean isNamedForObjects(Inside.Item i) {
        return i.name().matches(OBJECT_FOLDER);
    }

    static boolean isFolderOfObjects(Inside.Item i) {
        return i.kind() == Inside.Kind.FOLDER && isNamedForObjects(i);
    }

    Path lock() {
        return folder.resolve(LOCK);
    }

    Path manifest(String id) {
        return folder.resolve(MANIFESTS).resolve(id + MANIFEST);
    }

    Path known(String id) {
        return folder.resolve(KNOWN).resolve(id + MANIFEST);
    }

    Path sum(String id) {
        return folder.resolve(SUMS).resolve(id);
    }

    Path certificates() {
        return folder.resolve(CERTIFICATES);
    }

    /** The folders of objects that are there. */
    List<Inside.Item> foldersOfObjects() {
        return Inside.list(folder, OBJECTS).stream()
                .filter(StoreLayout::isFolderOfObjects)
                .toList();
    }
}
