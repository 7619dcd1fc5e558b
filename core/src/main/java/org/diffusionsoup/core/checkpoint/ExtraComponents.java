package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder.Component;

/**
 * Components that the first of several diffusers folders lacks and their soup has: those with
 * weights that are kept and, where there are any, all without weights, such as the feature
 * extractor of a safety checker.
 *
 * @param holders who has each, in the order in which they were given; at least one
 */
public record ExtraComponents(SortedMap<String, List<Holder>> holders) {
    /**
     * One who has a component.
     *
     * @param input index of the checkpoint, at least 1
     * @param component of its folder
     */
    public record Holder(int input, Component component) {}

    public ExtraComponents {
        holders = Collections.unmodifiableSortedMap(new TreeMap<>(holders));
    }

    /** None. */
    public static ExtraComponents none() {
        return new ExtraComponents(new TreeMap<>());
    }

    /**
     * Those of some folders.
     *
     * @param folders the first one first; none where the first is no folder
     * @param kept which components with weights are kept, by name
     */
    public static ExtraComponents of(
            List<Optional<DiffusersFolder>> folders, Predicate<String> kept) {
        if (folders.getFirst().isEmpty()) {
            return none();
        }
        Set<String> known = folders.getFirst().get().components().keySet();
        SortedMap<String, List<Holder>> weights = new TreeMap<>();
        SortedMap<String, List<Holder>> others = new TreeMap<>();
        for (int i = 1; i < folders.size(); i++) {
            List<Component> its =
                    folders.get(i).map(f -> List.copyOf(f.components().values())).orElse(List.of());
            for (Component c : its) {
                if (!known.contains(c.name())) {
                    (c.weightFiles().isEmpty() ? others : weights)
                            .computeIfAbsent(c.name(), name -> new ArrayList<>())
                            .add(new Holder(i, c));
                }
            }
        }
        others.keySet().removeAll(weights.keySet());
        weights.keySet().removeIf(kept.negate());
        if (weights.isEmpty()) {
            return none();
        }
        others.putAll(weights);
        return new ExtraComponents(others);
    }

    /** Each with the folder that its configuration and other files come from. */
    public SortedMap<String, Component> suppliers() {
        SortedMap<String, Component> suppliers = new TreeMap<>();
        holders.forEach((name, of) -> suppliers.put(name, of.getFirst().component()));
        return suppliers;
    }

    /** Whether another order of the holders would give another output, their weights apart. */
    public boolean dependOnOrder() {
        return holders.values().stream()
                .anyMatch(of ->
                        of.stream().anyMatch(h -> !same(of.getFirst().component(), h.component())));
    }

    /** What a component holds besides weights, by path relative to the pipeline. */
    public static SortedMap<String, Path> files(Component component) {
        SortedMap<String, Path> files = new TreeMap<>();
        for (Path f : component.otherFiles()) {
            String name = component.folder().relativize(f).toString().replace('\\', '/');
            if (!ShardedSafetensors.isIndex(f)) {
                files.put(component.name() + "/" + name, f);
            }
        }
        return files;
    }

    /** Whether two pipelines say the same of a component. */
    public static boolean sameClass(Component a, Component b) {
        return a.library().equals(b.library()) && a.className().equals(b.className());
    }

    private static boolean same(Component a, Component b) {
        SortedMap<String, Path> mine = files(a);
        SortedMap<String, Path> its = files(b);
        if (!sameClass(a, b) || !mine.keySet().equals(its.keySet())) {
            return false;
        }
        for (var f : mine.entrySet()) {
            Path other = its.getOrDefault(f.getKey(), f.getValue());
            try {
                if (Files.mismatch(f.getValue(), other) >= 0) {
                    return false;
                }
            } catch (IOException e) {
                throw new SoupIoException("read", other, e);
            }
        }
        return true;
    }
}
