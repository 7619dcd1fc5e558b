package org.diffusionsoup.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.JsonValue.JsonObject;

/**
 * An ingredient, opened: its headers are read and checked.
 *
 * @param checkpoint where its weights are; whoever opened it closes it
 * @param hashes SHA-256 per part, empty until computed
 */
record Ingredient(SoupIngredient what, Checkpoint checkpoint, SortedMap<String, String> hashes) {

    static Ingredient of(SoupIngredient what, Checkpoint checkpoint) {
        return new Ingredient(what, checkpoint, new TreeMap<>());
    }

    /** Its files' hashes put together per part: of several files, the hash of a list of them. */
    Ingredient withHashes(Map<Path, String> byPath) {
        TreeMap<String, String> h = new TreeMap<>();
        checkpoint
                .parts()
                .forEach((name, source) -> {
                    List<Path> files = source.files();
                    if (files.size() == 1) {
                        h.put(name, byPath.getOrDefault(files.getFirst(), ""));
                        return;
                    }
                    StringBuilder lines = new StringBuilder();
                    for (Path f : files) {
                        lines.append(byPath.getOrDefault(f, ""))
                                .append("  ")
                                .append(f.getFileName())
                                .append('\n');
                    }
                    h.put(
                            name,
                            Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8)));
                });
        return new Ingredient(what, checkpoint, h);
    }

    TensorSource part(String name) {
        return checkpoint.part(name);
    }

    private List<String> others() {
        return checkpoint.folder().map(DiffusersFolder::otherFiles).orElse(List.of()).stream()
                .filter(f -> !f.endsWith(ShardedSafetensors.INDEX_SUFFIX))
                .toList();
    }

    /** What keeps the other from being averaged with this one; empty if nothing does. */
    List<String> differences(Ingredient other) {
        List<String> found = new ArrayList<>();
        Map<String, TensorSource> mine = checkpoint.parts();
        Map<String, TensorSource> its = other.checkpoint.parts();
        keys(found, "component", "", mine.keySet(), its.keySet());
        if (checkpoint.folder().isPresent() && other.checkpoint.folder().isPresent()) {
            keys(found, "file", "", new TreeSet<>(others()), new TreeSet<>(other.others()));
            for (String f : others()) {
                if (other.others().contains(f)
                        && !sameContent(what.path().resolve(f), other.what.path().resolve(f))) {
                    found.add("file " + f + " has another content");
                }
            }
        }
        for (String part : mine.keySet()) {
            if (its.containsKey(part)) {
                tensors(found, part, part(part).tensors(), other.part(part).tensors());
            }
        }
        return found;
    }

    private static void tensors(
            List<String> found,
            String file,
            Map<String, TensorInfo> mine,
            Map<String, TensorInfo> others) {
        String in = file.isEmpty() ? "" : " in " + file;
        keys(found, "tensor", in, mine.keySet(), others.keySet());
        for (TensorInfo m : mine.values()) {
            TensorInfo o = others.get(m.name());
            if (o != null && !o.sameKind(m)) {
                found.add(
                        "tensor '%s'%s is %s%s instead of %s%s"
                                .formatted(
                                        m.name(),
                                        in,
                                        o.dtype(),
                                        Arrays.toString(o.shape()),
                                        m.dtype(),
                                        Arrays.toString(m.shape())));
            }
        }
    }

    private static void keys(
            List<String> found, String kind, String in, Set<String> mine, Set<String> others) {
        for (String k : mine) {
            if (!others.contains(k)) {
                found.add(kind + " '" + k + "'" + in + " is missing");
            }
        }
        for (String k : others) {
            if (!mine.contains(k)) {
                found.add(kind + " '" + k + "'" + in + " is not in the first");
            }
        }
    }

    /** Byte for byte, or JSON objects that agree but for keys such as {@code _name_or_path}. */
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
