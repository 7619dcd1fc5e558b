package org.diffusionsoup.core;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.DiffusersFolder.Component;
import org.diffusionsoup.core.ExtraComponents.Holder;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.Mismatch.Cause;
import org.diffusionsoup.core.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.Mismatches.Model;
import org.jspecify.annotations.Nullable;

/** Compares what diffusers folders hold besides weights. */
final class FolderFiles {
    private static final String ANOTHER = "another content";

    private final List<Mismatch> found = new ArrayList<>();
    private final boolean refused;

    private FolderFiles(MismatchPolicy policy) {
        this.refused = policy.files() == OnFiles.REFUSE;
    }

    static List<Mismatch> compare(List<Model> models, MismatchPolicy policy) {
        FolderFiles files = new FolderFiles(policy);
        Model first = models.getFirst();
        ExtraComponents kept =
                policy.extra() == OnExtra.KEEP
                        ? ExtraComponents.of(
                                models.stream().map(Model::folder).toList(), part -> true)
                        : ExtraComponents.none();
        for (int i = 1; i < models.size(); i++) {
            if (first.folder().isPresent() && models.get(i).folder().isPresent()) {
                files.folders(i, first, models.get(i), kept.holders().keySet());
            }
        }
        kept.holders().values().forEach(files::holders);
        return files.found;
    }

    /**
     * Compares a folder with the first.
     *
     * @param kept components that are not compared with the first, which lacks them
     */
    private void folders(int input, Model first, Model other, Set<String> kept) {
        DiffusersFolder a = first.folder().orElseThrow();
        DiffusersFolder b = other.folder().orElseThrow();
        Set<String> without = onlyIn(first, b);
        without.addAll(onlyIn(other, a));
        without.addAll(kept);
        contents(input, others(first, a), others(other, b), without);
    }

    /** Compares a component that the first lacks with that of the first who has it. */
    private void holders(List<Holder> holders) {
        Component first = holders.getFirst().component();
        for (Holder h : holders.subList(1, holders.size())) {
            if (!ExtraComponents.sameClass(first, h.component())) {
                add(h.input(), DiffusersFolder.INDEX, "there", ANOTHER);
            }
            contents(
                    h.input(),
                    ExtraComponents.files(first),
                    ExtraComponents.files(h.component()),
                    Set.of());
        }
    }

    /**
     * Compares files.
     *
     * @param without components that are not compared
     */
    private void contents(
            int input, Map<String, Path> mine, Map<String, Path> its, Set<String> without) {
        TreeSet<String> all = new TreeSet<>(mine.keySet());
        all.addAll(its.keySet());
        all.removeIf(f -> without.contains(DiffusersFolder.componentOf(f)));
        for (String f : all) {
            Path a = mine.get(f);
            Path b = its.get(f);
            if (a == null || b == null) {
                add(input, f, there(a), there(b));
            } else if (!sameContent(a, b, f.equals(DiffusersFolder.INDEX) ? without : Set.of())) {
                add(input, f, "there", ANOTHER);
            }
        }
    }

    private static String there(@Nullable Path file) {
        return file == null ? "absent" : "there";
    }

    private void add(int input, String file, String expected, String actual) {
        found.add(new Mismatch(Cause.FILE, input, "", file, expected, actual, refused));
    }

    /** Components with weights that another folder lacks, which is told of the components. */
    private static Set<String> onlyIn(Model model, DiffusersFolder other) {
        Set<String> only = new TreeSet<>(model.parts().keySet());
        only.removeAll(other.components().keySet());
        return only;
    }

    /** Files of the compared components and of the folder itself. */
    private static SortedMap<String, Path> others(Model model, DiffusersFolder folder) {
        SortedMap<String, Path> files = new TreeMap<>();
        folder.otherFiles().stream()
                .filter(f -> !f.endsWith(ShardedSafetensors.INDEX_SUFFIX))
                .filter(f -> {
                    String part = DiffusersFolder.componentOf(f);
                    DiffusersFolder.Component c = folder.components().get(part);
                    return c == null
                            || c.weightFiles().isEmpty()
                            || model.parts().containsKey(part);
                })
                .forEach(f -> files.put(f, folder.path().resolve(f)));
        return files;
    }

    /**
     * Byte for byte, or JSON objects that agree but for who wrote them and where.
     *
     * @param without further fields that are not compared
     */
    private static boolean sameContent(Path a, Path b, Set<String> without) {
        try {
            if (Files.mismatch(a, b) < 0) {
                return true;
            }
        } catch (IOException e) {
            throw new SoupIoException("read", b, e);
        }
        return a.toString().endsWith(".json")
                && configuration(a, without).equals(configuration(b, without));
    }

    private static Map<String, JsonValue> configuration(Path file, Set<String> without) {
        JsonObject o = JsonValue.readObject(file);
        Map<String, JsonValue> fields = new LinkedHashMap<>(o.fields());
        fields.keySet().removeIf(k -> k.equals("_name_or_path") || k.equals("_diffusers_version"));
        fields.keySet().removeAll(without);
        return fields;
    }
}
