package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A state dict spread over several files by a {@code *.safetensors.index.json}, as Hugging Face
 * libraries write large models, or a {@code *.bin.index.json} of PyTorch files: {@code weight_map}
 * says which file holds which tensor.
 */
public final class ShardedSafetensors implements TensorSource {
    static final String INDEX_SUFFIX = ".safetensors.index.json";

    private static final Pattern INDEX =
            Pattern.compile("(?s).+\\.(safetensors|bin)\\.index(\\.[A-Za-z0-9_]+)?\\.json");

    private static final Pattern PART =
            Pattern.compile("(?s).+-(\\d{5})-of-(\\d{5})(\\.\\w+)?\\.(safetensors|bin)");

    private final Path index;
    private final FileStamp stamp;
    private final List<TensorSource> files;
    private final SequencedMap<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Map<String, TensorSource> owners = new TreeMap<>();
    private final Map<String, String> metadata;

    private ShardedSafetensors(Path index, FileStamp stamp, List<TensorSource> files) {
        this.index = index;
        this.stamp = stamp;
        this.files = files;
        TreeMap<String, TensorInfo> all = new TreeMap<>(SafetensorsWriter.BY_UTF8);
        TreeMap<String, String> common = new TreeMap<>(files.getFirst().metadata());
        for (TensorSource f : files) {
            common.entrySet().retainAll(f.metadata().entrySet());
            f.tensors()
                    .forEach((name, info) -> {
                        TensorSource other = owners.put(name, f);
                        if (other != null) {
                            throw new MalformedCheckpointException(
                                    index,
                                    "tensor '" + name + "'",
                                    "one file that holds it",
                                    other.path().getFileName() + " and " + f.path().getFileName());
                        }
                        all.put(name, info);
                    });
        }
        tensors.putAll(all);
        metadata = Collections.unmodifiableMap(common);
    }

    /**
     * Refuses one file of several as if it were the whole model, which its name says it is not.
     *
     * @throws SoupException naming the index, or the folder to look for it in
     */
    static void refusePart(Path file) {
        Path name = file.getFileName();
        Matcher m = PART.matcher(name == null ? "" : name.toString());
        if (!m.matches() || Integer.parseInt(m.group(2)) < 2) {
            return;
        }
        throw new SoupException(
                "%s is file %d of %d of a model; name the index beside it, %s, or the model's folder."
                        .formatted(
                                file,
                                Integer.parseInt(m.group(1)),
                                Integer.parseInt(m.group(2)),
                                file.resolveSibling(
                                        name.toString()
                                                .replaceFirst(
                                                        "-\\d{5}-of-\\d{5}(\\.\\w+)?(\\.\\w+)$",
                                                        "$2.index$1.json"))));
    }

    /** Bytes of the tensors of each file that holds several. */
    LongStream sizesOfSeveral() {
        return files.stream()
                .map(f -> f.tensors().values())
                .filter(t -> t.size() > 1)
                .mapToLong(t -> t.stream().mapToLong(TensorInfo::byteSize).sum());
    }

    /** The names of the files that the index names. */
    Set<String> fileNames() {
        return files.stream()
                .map(f -> String.valueOf(f.path().getFileName()))
                .collect(Collectors.toSet());
    }

    /**
     * Opens an index and all files it names.
     *
     * @throws MalformedCheckpointException if index and files do not fit each other
     */
    static ShardedSafetensors open(Path index) {
        FileStamp stamp;
        try {
            stamp = FileStamp.of(index);
        } catch (IOException e) {
            throw new SoupIoException("read", index, e);
        }
        JsonObject root = JsonValue.readObject(index);
        if (!(root.fields().get("weight_map") instanceof JsonObject map)
                || map.fields().isEmpty()) {
            throw new MalformedCheckpointException(
                    index, "weight_map", "the files of the tensors", "none");
        }
        TreeMap<String, List<String>> byFile = new TreeMap<>();
        map.fields()
                .forEach((tensor, value) -> {
                    if (!(value instanceof JsonString(String file)) || !isFileBeside(file)) {
                        throw new MalformedCheckpointException(
                                index,
                                "weight_map of '" + tensor + "'",
                                "the name of a .safetensors or .bin file beside it",
                                value.toString());
                    }
                    byFile.computeIfAbsent(file, f -> new ArrayList<>()).add(tensor);
                });
        List<TensorSource> open = new ArrayList<>();
        ShardedSafetensors made = null;
        try {
            for (String file : byFile.keySet()) {
                Path path = beside(index, file);
                if (!Files.isRegularFile(path)) {
                    throw new MalformedCheckpointException(
                            index, "weight_map", "the file " + file + " beside it", "none");
                }
                open.add(WeightFile.open(path));
            }
            ShardedSafetensors set = new ShardedSafetensors(index, stamp, open);
            set.checkMap(byFile);
            made = set;
            return set;
        } finally {
            if (made == null) {
                open.forEach(TensorSource::close);
            }
        }
    }

    /** Whether a name is that of an index of shards, of any variant. */
    public static boolean isIndex(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.endsWith(".json") && INDEX.matcher(name).matches();
    }

    /** A name in any language, but no path, and nothing hidden. */
    private static boolean isFileBeside(String name) {
        return (name.endsWith(".safetensors") || name.endsWith(".bin"))
                && name.length() <= 255
                && !name.startsWith(".")
                && name.chars()
                        .noneMatch(c ->
                                c == '/' || c == '\\' || c == ':' || Character.isISOControl(c));
    }

    private static Path beside(Path index, String file) {
        try {
            return index.resolveSibling(file);
        } catch (InvalidPathException e) {
            throw new MalformedCheckpointException(
                    index,
                    "weight_map",
                    "a file name that this system's encoding of names has",
                    file);
        }
    }

    private void checkMap(Map<String, List<String>> byFile) {
        long mapped = 0;
        for (var e : byFile.entrySet()) {
            for (String tensor : e.getValue()) {
                mapped++;
                TensorSource owner = owners.get(tensor);
                if (owner == null || !owner.path().endsWith(e.getKey())) {
                    throw new MalformedCheckpointException(
                            index,
                            "tensor '" + tensor + "'",
                            "it in " + e.getKey(),
                            owner == null ? "it nowhere" : "it in " + owner.path().getFileName());
                }
            }
        }
        if (mapped != owners.size()) {
            String extra =
                    owners.keySet().stream()
                            .filter(t -> byFile.values().stream().noneMatch(l -> l.contains(t)))
                            .findFirst()
                            .orElse("");
            throw new MalformedCheckpointException(
                    index, "weight_map", "every tensor of its files", "no '" + extra + "'");
        }
    }

    @Override
    public Path path() {
        return index;
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(tensors);
    }

    @Override
    public List<Path> files() {
        return files.stream().map(TensorSource::path).toList();
    }

    @Override
    public List<String> notes() {
        return files.stream().flatMap(f -> f.notes().stream()).distinct().toList();
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        TensorSource owner = owners.get(tensor);
        if (owner == null) {
            throw new SoupException("No tensor '" + tensor + "' in " + index + ".");
        }
        owner.read(tensor, from, into);
    }

    @Override
    public void checkUnchanged() {
        stamp.check(index);
        files.forEach(TensorSource::checkUnchanged);
    }

    @Override
    public void close() {
        files.forEach(TensorSource::close);
    }
}
