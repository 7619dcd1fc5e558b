package org.diffusionsoup.core;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
            TreeSet<String> all = new TreeSet<>(mine);
            all.addAll(its);
            for (String f : all) {
                String expected = mine.contains(f) ? "there" : "absent";
                String actual = its.contains(f) ? "there" : "absent";
                if (expected.equals(actual)) {
                    if (sameContent(first.get().path().resolve(f), other.get().path().resolve(f))) {
                        continue;
                    }
                    actual = "another content";
                }
                found.add(new Mismatch(Cause.FILE, i, "", f, expected, actual, refused));
            }
        }
        return found;
    }

    /** Files of the compared components and of the folder itself. */
    private static List<String> others(Model model, DiffusersFolder folder) {
        return folder.otherFiles().stream()
                .filter(f -> !f.endsWith(ShardedSafetensors.INDEX_SUFFIX))
                .filter(f -> {
                    int slash = f.indexOf('/');
                    String part = slash < 0 ? "" : f.substring(0, slash);
                    DiffusersFolder.Component c = folder.components().get(part);
                    return c == null
                            || c.weightFiles().isEmpty()
                            || model.parts().containsKey(part);
                })
                .toList();
    }

    /** Byte for byte, or JSON objects that agree but for who wrote them and where. */
    private static boolean sameContent(Path a, Path b) {
        try {
            if (Files.mismatch(a, b) < 0) {
                return true;
            }
        } catch (IOException e) {
            throw new SoupIoException("read", b, e);
        }
        return a.toString().endsWith(".json") && configuration(a).equals(configuration(b));
    }

    private static Map<String, JsonValue> configuration(Path file) {
        JsonObject o = JsonValue.readObject(file);
        Map<String, JsonValue> fields = new LinkedHashMap<>(o.fields());
        fields.keySet().removeIf(k -> k.equals("_name_or_path") || k.equals("_diffusers_version"));
        return fields;
    }
}
