package org.diffusionsoup.core;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.JsonValue.JsonObject;

/**
 * An ingredient with its headers read and checked.
 *
 * @param files its weight files by name within it (the empty name for a single file, whose own name
 *     does not matter)
 * @param others the other files of a pipeline folder, relative
 * @param hashes SHA-256 per weight file, empty until computed
 */
record Ingredient(
        SoupIngredient what,
        SortedMap<String, Path> files,
        List<String> others,
        Map<String, Header> headers,
        SortedMap<String, String> hashes) {

    record Header(Map<String, String> metadata, SequencedMap<String, TensorInfo> tensors) {}

    static Ingredient open(SoupIngredient what, boolean folder) {
        TreeMap<String, Path> files = new TreeMap<>();
        List<String> others = List.of();
        if (folder) {
            DiffusersFolder f = DiffusersFolder.open(what.path());
            f.weightFiles().forEach(w -> files.put(w, what.path().resolve(w)));
            others = f.otherFiles();
            if (files.isEmpty()) {
                throw new SoupException(what.path() + " holds no weights to average.");
            }
        } else {
            files.put("", what.path());
        }
        Map<String, Header> headers = new LinkedHashMap<>();
        files.forEach((name, path) -> {
            try (SafetensorsFile s = SafetensorsFile.open(path)) {
                headers.put(name, new Header(s.metadata(), s.tensors()));
            }
        });
        return new Ingredient(what, files, others, headers, new TreeMap<>());
    }

    Ingredient withHashes(Map<Path, String> byPath) {
        TreeMap<String, String> h = new TreeMap<>();
        files.forEach((name, path) -> h.put(name, byPath.getOrDefault(path, "")));
        return new Ingredient(what, files, others, headers, h);
    }

    Path file(String name) {
        Path p = files.get(name);
        if (p == null) {
            throw new SoupException("No file '" + name + "' in " + what.path() + ".");
        }
        return p;
    }

    Header header(String name) {
        Header h = headers.get(name);
        if (h == null) {
            throw new SoupException("No file '" + name + "' in " + what.path() + ".");
        }
        return h;
    }

    /** What keeps the other from being averaged with this one; empty if nothing does. */
    List<String> differences(Ingredient other) {
        List<String> found = new ArrayList<>();
        keys(found, "file", "", files.keySet(), other.files.keySet());
        keys(found, "file", "", new TreeSet<>(others), new TreeSet<>(other.others));
        for (String f : others) {
            if (other.others.contains(f)
                    && !sameContent(what.path().resolve(f), other.what.path().resolve(f))) {
                found.add("file " + f + " has another content");
            }
        }
        for (String f : files.keySet()) {
            if (other.files.containsKey(f)) {
                tensors(found, f, header(f).tensors(), other.header(f).tensors());
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
