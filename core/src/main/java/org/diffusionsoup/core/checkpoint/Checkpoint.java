package org.diffusionsoup.core.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.UnsafePickleException;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.core.torch.TorchFile;

/**
 * A model as people have it on disk, opened for reading: one safetensors file, a sharded set with
 * its index, a PyTorch file ({@code .ckpt}, {@code .pt}, {@code .pth}, {@code .bin}), or a
 * diffusers folder. Whatever the layout, it is a set of parts, each a state dict.
 */
public final class Checkpoint implements AutoCloseable {
    /** How a checkpoint lies on disk. */
    public enum Layout {
        /** One {@code .safetensors} file. */
        SAFETENSORS,
        /** Several, with a {@code *.safetensors.index.json}. */
        SHARDED,
        /** A zip written by {@code torch.save}. */
        TORCH,
        /** A folder with a {@code model_index.json}. */
        DIFFUSERS
    }

    private final Path path;
    private final Layout layout;
    private final Optional<DiffusersFolder> folder;
    private final String variant;
    private final SequencedMap<String, TensorSource> parts;

    private Checkpoint(
            Path path,
            Layout layout,
            Optional<DiffusersFolder> folder,
            String variant,
            SequencedMap<String, TensorSource> parts) {
        this.variant = variant;
        this.path = path;
        this.layout = layout;
        this.folder = folder;
        this.parts = Collections.unmodifiableSequencedMap(parts);
    }

    /**
     * Opens a whole model: as {@link #open(Path)}, but one file of several that make up a model is
     * refused.
     *
     * @throws SoupException naming the index to open instead
     */
    public static Checkpoint openWhole(Path path) {
        return openWhole(path, "");
    }

    /**
     * The same, with the weights of a variant, see {@link #open(Path, String)}.
     *
     * @throws SoupException also if it holds no tensors
     */
    public static Checkpoint openWhole(Path path, String variant) {
        ShardedSafetensors.refusePart(path);
        Checkpoint opened = open(path, variant);
        if (opened.parts().values().stream().allMatch(p -> p.tensors().isEmpty())) {
            opened.close();
            throw new SoupException(path + " holds no tensors, so there is nothing to average.");
        }
        return opened;
    }

    /**
     * Opens a checkpoint and reads its headers, not its weights.
     *
     * @param path a {@code .safetensors} file, an index, a folder that holds exactly one index and
     *     no {@code model_index.json}, a PyTorch file, or a diffusers folder
     * @throws MalformedCheckpointException if it breaks its format
     * @throws UnsafePickleException if it is a PyTorch file that asks for more than tensors
     * @throws SoupException if it is none of these, or cannot be read
     */
    public static Checkpoint open(Path path) {
        return open(path, "");
    }

    /**
     * The same, with the weights of a variant.
     *
     * @param variant of a diffusers folder's weights, such as {@code fp16}; empty for those without
     *     such a word in their names
     * @throws SoupException also if a folder has no weights of that variant
     */
    public static Checkpoint open(Path path, String variant) {
        return open(path, variant, true);
    }

    /**
     * The same for those who look at what there is: a folder's components that should have weights
     * and have none are passed over instead of refused.
     */
    public static Checkpoint openIncomplete(Path path) {
        return openIncomplete(path, "");
    }

    /** The same, with the weights of a variant, see {@link #open(Path, String)}. */
    public static Checkpoint openIncomplete(Path path, String variant) {
        return open(path, variant, false);
    }

    private static Checkpoint open(Path path, String variant, boolean whole) {
        UnfinishedTraining.refuse(path);
        if (DiffusersFolder.isOne(path)) {
            return openFolder(path, variant, whole);
        }
        if (Files.isDirectory(path)) {
            List<Path> found = indexes(path, variant);
            if (found.size() != 1) {
                String clause = FolderKind.clause(path);
                throw new SoupException(
                        "%s is a folder with neither a model_index.json nor one *.safetensors.index.json%s."
                                .formatted(
                                        path,
                                        clause.isEmpty() ? "; name a file inside it" : clause));
            }
            Path index = found.getFirst();
            if (!variant.isEmpty() && !WeightVariants.variantOf(index).equals(variant)) {
                throw new DiffusersFolder.NoSuchVariantException(path, variant);
            }
            return single(path, Layout.SHARDED, ShardedSafetensors.open(index));
        }
        if (isIndex(path)) {
            return single(path, Layout.SHARDED, ShardedSafetensors.open(path));
        }
        TensorSource file = WeightFile.open(path);
        return single(path, file instanceof TorchFile ? Layout.TORCH : Layout.SAFETENSORS, file);
    }

    private static Checkpoint single(Path path, Layout layout, TensorSource source) {
        SequencedMap<String, TensorSource> parts = new LinkedHashMap<>();
        parts.put("", source);
        return new Checkpoint(path, layout, Optional.empty(), "", parts);
    }

    private static Checkpoint openFolder(Path path, String variant, boolean whole) {
        DiffusersFolder folder = DiffusersFolder.open(path, variant);
        SequencedMap<String, TensorSource> parts = new LinkedHashMap<>();
        boolean complete = false;
        try {
            for (DiffusersFolder.Component c : folder.components().values()) {
                if (!c.weightFiles().isEmpty()) {
                    parts.put(c.name(), component(c));
                } else if (whole && c.needsWeights()) {
                    throw new SoupException(
                            "Component '"
                                    + c.name()
                                    + "' of "
                                    + path
                                    + " ("
                                    + c.className()
                                    + ") has a configuration but no weights in "
                                    + c.folder()
                                    + "; put them back or download it again.");
                }
            }
            if (parts.isEmpty()) {
                throw new SoupException(path + " holds no weights.");
            }
            complete = true;
            return new Checkpoint(path, Layout.DIFFUSERS, Optional.of(folder), variant, parts);
        } finally {
            if (!complete) {
                parts.values().forEach(TensorSource::close);
            }
        }
    }

    /** The same with its state dicts seen otherwise, such as under other names. */
    Checkpoint withParts(SequencedMap<String, TensorSource> others) {
        return new Checkpoint(path, layout, folder, variant, others);
    }

    /** Whether a file's name is that of an index of shards, such as {@code m.bin.index.json}. */
    public static boolean isIndex(Path file) {
        return file.toString().endsWith(".json") && ShardedSafetensors.isIndex(file);
    }

    private static TensorSource component(DiffusersFolder.Component c) {
        List<Path> indexes = c.otherFiles().stream().filter(ShardedSafetensors::isIndex).toList();
        if (indexes.size() == 1) {
            ShardedSafetensors set = ShardedSafetensors.open(indexes.getFirst());
            Set<String> named = set.fileNames();
            for (Path file : c.weightFiles()) {
                // diffusers reads the index, transformers the single file: two readers, two models.
                if (!named.contains(String.valueOf(file.getFileName()))) {
                    set.close();
                    throw new SoupException(
                            "Component '%s' has %s beside the index %s, which does not name it, in %s; delete the one that is out of date."
                                    .formatted(
                                            c.name(),
                                            file.getFileName(),
                                            indexes.getFirst().getFileName(),
                                            c.folder()));
                }
            }
            return set;
        }
        if (c.weightFiles().size() == 1) {
            return WeightFile.open(c.weightFiles().getFirst());
        }
        throw new SoupException(
                "Component '"
                        + c.name()
                        + "' has several weight files in "
                        + c.folder()
                        + " and no one index for them: "
                        + c.weightFiles().stream()
                                .limit(4)
                                .map(f -> String.valueOf(f.getFileName()))
                                .collect(Collectors.joining(", "))
                        + (c.weightFiles().size() > 4 ? ", …" : "")
                        + "; keep one of them.");
    }

    /** Those of a variant; safetensors before PyTorch's. */
    private static List<Path> indexes(Path folder, String variant) {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> all = Files.list(folder)) {
            all.filter(ShardedSafetensors::isIndex).sorted().forEach(found::add);
        } catch (java.io.IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        List<Path> own =
                found.stream().filter(f -> WeightVariants.variantOf(f).equals(variant)).toList();
        List<Path> some = own.isEmpty() ? found : own;
        List<Path> safetensors =
                some.stream().filter(f -> f.toString().contains(".safetensors.index")).toList();
        return safetensors.isEmpty() ? some : safetensors;
    }

    /** The command that makes a folder of a single file, or a single file of a folder. */
    public String convertCommand() {
        if (layout != Layout.DIFFUSERS) {
            return DiffusersFolder.convertCommand(path);
        }
        Path file =
                path.resolveSibling(
                        path.toAbsolutePath().normalize().getFileName() + ".safetensors");
        return "soup convert " + path + " `out` " + DiffusersFolder.free(file);
    }

    /** The path as given to {@link #open}. */
    public Path path() {
        return path;
    }

    /** How it lies on disk. */
    public Layout layout() {
        return layout;
    }

    /** The diffusers folder, if it is one. */
    public Optional<DiffusersFolder> folder() {
        return folder;
    }

    /**
     * Its state dicts, unmodifiable: of a diffusers folder by component ({@code unet}, {@code vae},
     * {@code text_encoder}, ...), of every other layout one, under the empty name.
     */
    public SequencedMap<String, TensorSource> parts() {
        return parts;
    }

    /**
     * One part.
     *
     * @throws SoupException if there is none of that name
     */
    public TensorSource part(String name) {
        TensorSource source = parts.get(name);
        if (source == null) {
            throw new SoupException(
                    path + " has no component '" + name + "', only " + parts.keySet() + ".");
        }
        return source;
    }

    /**
     * What was found beside its tensors and left out, and which components have no weights of the
     * variant that was asked for; a sentence each, mostly none.
     */
    public Stream<String> notes() {
        return Stream.concat(
                folder.flatMap(f -> WeightVariants.note(f, variant)).stream(),
                parts.values().stream().flatMap(p -> p.notes().stream()));
    }

    /** Closes all parts. */
    @Override
    public void close() {
        parts.values().forEach(TensorSource::close);
    }
}
