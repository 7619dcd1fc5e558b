package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.FileContent;
import org.diffusionsoup.core.io.FolderList;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;

/** Tells models from everything else that a path may hold. */
final class ModelPaths {
    /** What lies at the top of published model folders, and of ours. */
    private static final Set<String> AT_THE_TOP =
            Set.of(
                    "json",
                    "safetensors",
                    "bin",
                    "ckpt",
                    "md",
                    "txt",
                    "csv",
                    "yaml",
                    "yml",
                    "png",
                    "jpg",
                    "jpeg",
                    "webp");

    private static final Set<String> WITHOUT_ENDING =
            Set.of(
                    "LICENSE",
                    "NOTICE",
                    ".gitattributes",
                    ".gitignore",
                    ".DS_Store",
                    FolderList.NAME);

    private ModelPaths() {}

    /**
     * Whether a path is a safetensors file of weights, or a folder of a model and nothing else.
     * LoRAs and textual inversions are files of other kinds.
     */
    static boolean isModel(Path path) {
        if (!Files.isDirectory(path)) {
            Set<String> names = header(path).keySet();
            return FileContent.of(path) == FileContent.SAFETENSORS
                    && !isLora(names)
                    && !TextualInversions.isOne(names);
        }
        return isModelFolder(path) && foreign(path).isEmpty();
    }

    /**
     * Whether a path is a safetensors file of nothing but updates of weights, and of embeddings
     * that were bundled with them.
     */
    static boolean isLora(Path path) {
        return isLora(header(path).keySet());
    }

    private static boolean isLora(Set<String> names) {
        return names.stream().anyMatch(ModelPaths::isUpdate)
                && names.stream()
                        .allMatch(n -> isUpdate(n) || TextualInversions.what(n).isPresent());
    }

    private static boolean isUpdate(String tensor) {
        return AdapterKey.within(tensor).isPresent();
    }

    /**
     * Whether a path is a safetensors file of a whole Stable Diffusion or a component of one, by
     * the names and shapes of its tensors.
     */
    static boolean isCheckpoint(Path path) {
        return isCheckpoint(header(path));
    }

    private static boolean isCheckpoint(Map<String, TensorInfo> tensors) {
        return Architecture.of(tensors).isPresent()
                || Architecture.alone(tensors).isPresent()
                || ModelGuess.isLdm(tensors);
    }

    /** What a safetensors file holds, with an article; empty for files of no kind known here. */
    static Optional<String> kind(Path path) {
        Map<String, TensorInfo> tensors = header(path);
        if (isLora(tensors.keySet())) {
            return Optional.of("a LoRA");
        }
        if (TextualInversions.isOne(tensors.keySet())) {
            return Optional.of("a textual inversion");
        }
        return isCheckpoint(tensors) ? Optional.of("weights of a model") : Optional.empty();
    }

    /** A safetensors file's tensors; none where it cannot be read. */
    private static Map<String, TensorInfo> header(Path path) {
        if (Files.isDirectory(path) || FileContent.of(path) != FileContent.SAFETENSORS) {
            return Map.of();
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            return Map.copyOf(file.tensors());
        } catch (SoupException e) {
            return Map.of();
        }
    }

    /** Whether a path is a folder of one network's weights with its configurations. */
    static boolean isWeightsFolder(Path folder) {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> all = Files.list(folder)) {
            List<Path> inside = all.toList();
            return inside.stream().allMatch(f -> Files.isRegularFile(f) && belongs(folder, f))
                    && inside.stream().anyMatch(f -> f.toString().endsWith(".safetensors"));
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    private static boolean isModelFolder(Path folder) {
        if (DiffusersFolder.isOne(folder)) {
            return true;
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.anyMatch(f -> f.toString().endsWith(ShardedSafetensors.INDEX_SUFFIX));
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /**
     * The first thing in a model's folder that belongs to no model, such as somebody's notes: it
     * would be lost with the folder. Empty too where the path is no model's folder at all.
     */
    static Optional<String> foreign(Path folder) {
        if (!Files.isDirectory(folder) || !isModelFolder(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(f -> !belongs(folder, f))
                    .map(f -> "'" + f.getFileName() + "', which is no part of a model")
                    .sorted()
                    .findFirst();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    private static boolean belongs(Path model, Path inside) {
        String name = String.valueOf(inside.getFileName());
        if (Files.isDirectory(inside)) {
            return components(model).contains(name) || isComponent(inside);
        }
        int dot = name.lastIndexOf('.');
        return WITHOUT_ENDING.contains(name)
                || dot >= 0
                        && AT_THE_TOP.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    private static Set<String> components(Path model) {
        return DiffusersFolder.isOne(model)
                ? JsonValue.readObject(model.resolve(DiffusersFolder.INDEX)).fields().keySet()
                : Set.of();
    }

    /** A component that the index does not name, such as a safety checker that was switched off. */
    private static boolean isComponent(Path folder) {
        return Stream.of(
                        "config.json",
                        "preprocessor_config.json",
                        "scheduler_config.json",
                        "tokenizer_config.json")
                .anyMatch(f -> Files.isRegularFile(folder.resolve(f)));
    }
}
