package org.diffusionsoup.registry.store;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.registry.store.Inside.Item;
import org.diffusionsoup.registry.store.Inside.Kind;

/**
 * One collection of garbage, while nobody adds. Deletes only what a store makes, under the names it
 * gives, in folders of its own; whatever else somebody put there stays.
 */
final class Collector {
    private static final String HASH = StoreLayout.HASH;

    /** A manifest, or one that a process which died was writing. */
    private static final String MANIFEST = "\\.?" + HASH + "\\.json(\\.tmp-[0-9-]+)?";

    private static final String UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    private static final String WORK = "([0-9]+-)?" + UUID + "(\\.object)?";

    private static final int DELETIONS = 8;

    private final Manifests manifests;
    private final Path folder;
    private final long newest;
    private long freed;

    Collector(Manifests manifests, long graceMillis) {
        this.manifests = manifests;
        this.folder = manifests.layout().folder();
        this.newest = System.currentTimeMillis() - graceMillis;
    }

    long run(Wanted wanted) {
        // All folders are looked at before anything is deleted.
        var manifestFiles = Inside.list(folder, StoreLayout.MANIFESTS);
        var sums = Inside.list(folder, StoreLayout.SUMS);
        var work = Inside.list(folder, StoreLayout.WORK);
        var objects = Inside.list(folder, StoreLayout.OBJECTS);
        Set<String> gone = gone(wanted, manifestFiles, sums);
        Set<String> needed = needed(wanted, gone);
        Set<String> lost = new HashSet<>();
        gone.forEach(id -> lost.addAll(manifests.pieces(id)));
        for (Item i : Inside.list(folder)) {
            if (i.kind() == Kind.FILE && i.name().matches(StoreMarks.UNFINISHED) && isOld(i)) {
                drop(i.name());
            }
        }
        // Whoever would use these is gone, or waits for the lock.
        for (Item w : work) {
            if (w.name().matches(WORK)) {
                drop(StoreLayout.WORK, w.name());
            }
        }
        // Manifests before objects: killed in between, no manifest lacks an object.
        for (Item m : manifestFiles) {
            boolean keep =
                    m.name().length() > 64
                            && wanted.checkpoints().contains(StoreLayout.hash(m.name()));
            if (!keep
                    && m.kind() == Kind.FILE
                    && m.name().matches(MANIFEST)
                    && (isOld(m) || gone.contains(StoreLayout.hash(m.name())))) {
                if (wanted.remembered().contains(StoreLayout.hash(m.name()))) {
                    manifests.remember(StoreLayout.hash(m.name()));
                }
                drop(StoreLayout.MANIFESTS, m.name());
            }
        }
        for (Item k : Inside.list(folder, StoreLayout.KNOWN)) {
            // One that was being written has no id's name, and is no more of use.
            if (k.kind() == Kind.FILE
                    && k.name().matches(MANIFEST)
                    && !(k.name().matches(HASH + "\\" + StoreLayout.MANIFEST)
                            && wanted.remembered().contains(StoreLayout.hash(k.name())))) {
                drop(StoreLayout.KNOWN, k.name());
            }
        }
        for (Item s : sums) {
            if (!wanted.sums().contains(s.name())
                    && s.kind() == Kind.FOLDER
                    && s.name().matches(HASH)
                    && (isOld(s) || gone.contains(s.name()))) {
                drop(StoreLayout.SUMS, s.name());
            }
        }
        List<String[]> unwanted = new ArrayList<>();
        Map<String, String[]> young = new HashMap<>();
        for (Item d : objects) {
            if (!StoreLayout.isFolderOfObjects(d)) {
                continue;
            }
            List<Item> inside = Inside.list(folder, StoreLayout.OBJECTS, d.name());
            unwanted.addAll(damaged(d.name(), inside, needed));
            for (Item o : inside) {
                if (o.kind() == Kind.FILE
                        && o.name().matches(HASH)
                        && o.name().startsWith(d.name())
                        && !needed.contains(o.name())) {
                    String[] path = {StoreLayout.OBJECTS, d.name(), o.name()};
                    if (isOld(o) || lost.contains(o.name())) {
                        unwanted.add(path);
                    } else {
                        young.put(o.name(), path);
                    }
                }
            }
        }
        Set<String> late = wanted.withdrawn().apply(Set.copyOf(young.keySet()));
        young.forEach((hash, path) -> {
            if (late.contains(hash)) {
                unwanted.add(path);
            }
        });
        dropAll(unwanted);
        return freed;
    }

    /** Damaged objects that nothing needs, or that are there whole again. */
    private static List<String[]> damaged(String under, List<Item> inside, Set<String> needed) {
        Set<String> names = new HashSet<>();
        inside.forEach(o -> names.add(o.name()));
        List<String[]> unwanted = new ArrayList<>();
        for (Item o : inside) {
            if (o.kind() == Kind.FILE && o.name().matches(HASH + "\\" + Objects.DAMAGED)) {
                String hash = StoreLayout.hash(o.name());
                if (!needed.contains(hash) || names.contains(hash)) {
                    unwanted.add(new String[] {StoreLayout.OBJECTS, under, o.name()});
                }
            }
        }
        return unwanted;
    }

    /** Checkpoints that were withdrawn and are there still, in whole or by their sums. */
    private static Set<String> gone(Wanted wanted, List<Item> manifestFiles, List<Item> sums) {
        Set<String> unwanted = new HashSet<>();
        for (Item i : manifestFiles) {
            if (i.name().matches(HASH + "\\" + StoreLayout.MANIFEST)) {
                unwanted.add(StoreLayout.hash(i.name()));
            }
        }
        sums.stream().map(Item::name).filter(n -> n.matches(HASH)).forEach(unwanted::add);
        unwanted.removeAll(wanted.checkpoints());
        unwanted.removeAll(wanted.sums());
        return wanted.withdrawn().apply(unwanted);
    }

    private Set<String> needed(Wanted wanted, Set<String> gone) {
        Set<String> needed = new HashSet<>();
        for (String id : manifests.ids()) {
            Path file = manifests.layout().manifest(id);
            if (wanted.checkpoints().contains(id)
                    || (Trees.isYounger(file, newest) && !gone.contains(id))) {
                try {
                    needed.addAll(manifests.read(id).pieces());
                } catch (SoupException e) {
                    throw new StoreException(
                            "Nothing was deleted, because it is not known what a damaged checkpoint"
                                    + " needs; run 'soup fsck' first. "
                                    + e.getMessage());
                }
            }
        }
        return needed;
    }

    private boolean isOld(Item i) {
        return i.modified() <= newest;
    }

    /** Several at a time: a file system takes longer for the names than for the bytes. */
    private void dropAll(List<String[]> paths) {
        try {
            freed +=
                    Objects.sideBySide(
                                    DELETIONS,
                                    "delete from " + folder,
                                    paths,
                                    path -> Inside.delete(folder, path))
                            .stream()
                            .mapToLong(Long::longValue)
                            .sum();
        } catch (java.io.IOException e) {
            throw new SoupIoException("delete from", folder, e);
        }
    }

    private void drop(String... path) {
        freed += Inside.delete(folder, path);
    }
}
