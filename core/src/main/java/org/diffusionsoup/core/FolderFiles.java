package org.diffusionsoup.core;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.Mismatch.Cause;
import org.diffusionsoup.core.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.Mismatches.Model;

/** Compares what diffusers folders hold besides weights. */
final class FolderFiles {
    private FolderFiles() {}

    static List<Mismatch> compare(List<Model> models, MismatchPolicy policy) {
        List<Mismatch> found = new ArrayList<>();
        Optional<DiffusersFolder> first = models.getFirst().folder();
        if (first.isEmpty()) {
            return found;
        }
        boolean refused = policy.files() == OnFiles.REFUSE;
        List<String> mine = others(models.getFirst(), first.get());
        for (int i = 1; i < models.size(); i++) {
            Optional<DiffusersFolder> other = models.get(i).folder();
            if (other.isEmpty()) {
                continue;
            }
            List<String> its = others(models.get(i), other.get());
            Set<String> told = onlyIn(models.getFirst(), other.get());
            told.addAll(onlyIn(models.get(i), first.get()));
            TreeSet<String> all = new TreeSet<>(mine);
            all.addAll(its);
            all.removeIf(f -> told.contains(DiffusersFolder.componentOf(f)));
            for (String f : all) {
                String expected = mine.contains(f) ? "there" : "absent";
                String actual = its.contains(f) ? "there" : "absent";
                if (expected.equals(actual)) {
                    Set<String> without = f.equals(DiffusersFolder.INDEX) ? told : Set.of();
                    Path a = first.get().path().resolve(f);
                    if (sameContent(a, other.get().path().resolve(f), without)) {
                        continue;
                    }
                    actual = "another content";
                }
                found.add(new Mismatch(Cause.FILE, i, "", f, expected, actual, refused));
            }
        }
        return found;
    }

    /** Components with weights that another folder lacks, which is told of the components. */
    private static Set<String> onlyIn(Model model, DiffusersFolder other) {
        Set<String> only = new TreeSet<>(model.parts().keySet());
        only.removeAll(other.components().keySet());
        return only;
    }

    /** Files of the compared components and of the folder itself. */
    private static List<String> others(Model model, DiffusersFolder folder) {
        return folder.otherFiles().stream()
                .filter(f -> !f.endsWith(ShardedSafetensors.INDEX_SUFFIX))
                .filter(f -> {
                    String part = DiffusersFolder.componentOf(f);
                    DiffusersFolder.Component c = folder.components().get(part);
                    return c == null
                            || c.weightFiles().isEmpty()
                            || model.parts().containsKey(part);
                })
                .toList();
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
