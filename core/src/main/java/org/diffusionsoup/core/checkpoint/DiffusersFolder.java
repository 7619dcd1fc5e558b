package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FileContent;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.io.OutputKind;

/**
 * A pipeline in the folder layout of Hugging Face diffusers: {@code model_index.json} names the
 * components (unet, vae, text_encoder, tokenizer, scheduler, ...), each a folder with its
 * configuration and, for models, {@code *.safetensors} weights (or one PyTorch {@code .bin}). Only
 * these belong to the pipeline; other files at the top (logs, curves, a README) do not.
 */
public final class DiffusersFolder {
    public static final String INDEX = "model_index.json";

    /** As diffusers and transformers name them; other .bin files hold training state. */
    private static final List<String> TORCH_WEIGHTS =
            List.of("diffusion_pytorch_model.bin", "pytorch_model.bin");

    private static final List<String> WITHOUT_WEIGHTS =
            List.of("Scheduler", "Tokenizer", "Processor", "FeatureExtractor", "Guider");

    private static final List<String> OTHER_WEIGHTS =
            List.of(
                    ".bin",
                    ".ckpt",
                    ".pt",
                    ".pth",
                    ".msgpack",
                    ".h5",
                    ".onnx",
                    ".pb",
                    ".onnx_data");

    private final Path path;
    private final JsonObject modelIndex;
    private final SequencedMap<String, Component> components;

    private DiffusersFolder(
            Path path, JsonObject modelIndex, SequencedMap<String, Component> components) {
        this.path = path;
        this.modelIndex = modelIndex;
        this.components = components;
    }

    /** No component has weights of the variant that was asked for. */
    public static final class NoSuchVariantException extends SoupException {
        private static final long serialVersionUID = 1L;

        NoSuchVariantException(Path path, String variant) {
            super(
                    "%s has no weights of the variant '%s'; leave `variant` out."
                            .formatted(path, variant));
        }
    }

    /**
     * One component of a pipeline.
     *
     * @param name its key in {@code model_index.json} and the name of its folder
     * @param library the Python package that defines its class, such as {@code diffusers}
     * @param className its class, such as {@code UNet2DConditionModel}
     * @param folder its folder
     * @param weightFiles its safetensors files, in name order, or the one PyTorch file that a
     *     component without any has; empty for tokenizers and schedulers
     * @param otherFiles everything else but weights in other formats, in name order
     */
    public record Component(
            String name,
            String library,
            String className,
            Path folder,
            List<Path> weightFiles,
            List<Path> otherFiles) {
        public Component {
            weightFiles = List.copyOf(weightFiles);
            otherFiles = List.copyOf(otherFiles);
        }

        /**
         * Whether it is nothing without weights: a model, which has a {@code config.json}, and not
         * a scheduler, tokenizer or processor of pictures.
         */
        public boolean needsWeights() {
            return Files.exists(folder.resolve("config.json"))
                    && WITHOUT_WEIGHTS.stream().noneMatch(className::contains);
        }

        /**
         * Its {@code config.json}, or {@code scheduler_config.json} for schedulers.
         *
         * @throws SoupException if there is neither
         */
        public JsonObject config() {
            Path scheduler = folder.resolve("scheduler_config.json");
            return JsonValue.readObject(
                    Files.exists(scheduler) ? scheduler : folder.resolve("config.json"));
        }
    }

    /** Whether a path is a folder with a {@code model_index.json}. */
    public static boolean isOne(Path path) {
        return Files.isRegularFile(path.resolve(INDEX));
    }

    /**
     * Refuses what is no folder of a model, for commands that run one: these need its
     * configurations and its tokenizer, which a single file lacks.
     *
     * @throws SoupException saying what is there instead, or how a single file becomes a folder
     */
    public static void require(Path path) {
        UnfinishedTraining.refuse(path);
        if (Files.isDirectory(path)) {
            if (!isOne(path)) {
                throw new SoupException(
                        "%s is no model: it has no %s%s. Name a folder in diffusers layout, or a single file."
                                .formatted(path, INDEX, FolderKind.clause(path)));
            }
            return;
        }
        if (!Files.exists(path)) {
            throw new SoupException(
                    "There is no model "
                            + path
                            + "; name a folder in diffusers layout, or a single file.");
        }
        throw new SoupException(
                "%s is %s, and models are run from folders in diffusers layout; make one with '%s'."
                        .formatted(path, FileContent.describe(path), convertCommand(path)));
    }

    /** A place for a folder beside a file, named after it. */
    private static Path stem(Path file) {
        String name = String.valueOf(file.getFileName());
        return file.resolveSibling(
                OutputKind.ending(file)
                        .map(e -> name.substring(0, name.length() - e.length()))
                        .orElse(name + "-folder"));
    }

    /** A place, or one beside it that is free: what is advised has to work as it stands. */
    static Path free(Path place) {
        String name = String.valueOf(place.getFileName());
        String ending = OutputKind.ending(place).orElse("");
        String stem = name.substring(0, name.length() - ending.length());
        Path free = place;
        for (int i = 2; Files.exists(free, LinkOption.NOFOLLOW_LINKS); i++) {
            free = place.resolveSibling(stem + "-" + i + ending);
        }
        return free;
    }

    /** The command that makes a folder of a single file. */
    public static String convertCommand(Path single) {
        return "soup convert " + single + " `out` " + free(stem(single));
    }

    /**
     * Opens a folder and lists its components; weights are not read.
     *
     * @throws SoupException if it is no pipeline folder, a component's folder is missing, or a
     *     component has weights but none as safetensors or as one PyTorch file
     */
    public static DiffusersFolder open(Path path) {
        return open(path, "");
    }

    /**
     * The same, with the weights of a variant where a component has them.
     *
     * @param variant the word before the suffix, as {@code fp16} in {@code
     *     diffusion_pytorch_model.fp16.safetensors}; empty for the files without one, or the only
     *     variant there is
     * @throws SoupException also if no component has the variant
     */
    public static DiffusersFolder open(Path path, String variant) {
        if (!isOne(path)) {
            throw new SoupException(
                    "%s is not a diffusers folder: it has no %s%s."
                            .formatted(path, INDEX, FolderKind.clause(path)));
        }
        JsonObject index = JsonValue.readObject(path.resolve(INDEX));
        TreeMap<String, Component> components = new TreeMap<>();
        index.fields()
                .forEach((name, value) -> {
                    // [null, null] is how an optional component is marked as absent.
                    if (value instanceof JsonArray(List<JsonValue> pair)
                            && pair.size() == 2
                            && pair.get(0) instanceof JsonString(String library)
                            && pair.get(1) instanceof JsonString(String className)) {
                        components.put(name, component(path, name, library, className, variant));
                    }
                });
        boolean there =
                components.values().stream()
                        .flatMap(c -> c.weightFiles().stream())
                        .anyMatch(f -> WeightVariants.variantOf(f).equals(variant));
        if (!variant.isEmpty() && !there) {
            throw new NoSuchVariantException(path, variant);
        }
        return new DiffusersFolder(path, index, components);
    }

    private static Component component(
            Path root, String name, String library, String className, String variant) {
        Path folder = root.resolve(name);
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*") || !Files.isDirectory(folder)) {
            throw new SoupException(
                    root.resolve(INDEX)
                            + " names a component '"
                            + name
                            + "' but "
                            + root
                            + " has no folder of that name.");
        }
        List<Path> safetensors = new ArrayList<>();
        List<Path> indexes = new ArrayList<>();
        List<Path> others = new ArrayList<>();
        List<Path> foreign = new ArrayList<>();
        try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            all.filter(f -> !Files.isDirectory(f))
                    .sorted()
                    .forEach(f -> {
                        String n = f.getFileName().toString().toLowerCase(Locale.ROOT);
                        if (Files.isSymbolicLink(f) && !Files.exists(f)) {
                            throw new SoupException(
                                    f
                                            + " is a link to a file that is not there, as an"
                                            + " unfinished download leaves it; download "
                                            + root
                                            + " again.");
                        } else if (!Files.isRegularFile(f)) {
                            return;
                        } else if (n.endsWith(".safetensors")) {
                            safetensors.add(f);
                        } else if (ShardedSafetensors.isIndex(f)) {
                            indexes.add(f);
                        } else if (OTHER_WEIGHTS.stream().anyMatch(n::endsWith)) {
                            foreign.add(f);
                        } else {
                            others.add(f);
                        }
                    });
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        List<Path> torch = foreign.stream().filter(DiffusersFolder::isTorchWeights).toList();
        WeightVariants.Chosen chosen =
                WeightVariants.choose(folder, safetensors, torch, indexes, variant);
        List<Path> weights = chosen.weights();
        others.addAll(chosen.indexes());
        others.sort(null);
        if (weights.isEmpty() && !foreign.isEmpty()) {
            throw new SoupException(
                    "Component '"
                            + name
                            + "' of "
                            + root
                            + " has its weights only as "
                            + foreign.getFirst().getFileName()
                            + "; convert them to safetensors first.");
        }
        return new Component(name, library, className, folder, weights, others);
    }

    /** Whether a file's name is one of PyTorch's for weights, of any variant, whole or a shard. */
    private static boolean isTorchWeights(Path file) {
        String name = file.getFileName().toString();
        return TORCH_WEIGHTS.contains(WeightVariants.plain(name));
    }

    /** The folder as given to {@link #open}. */
    public Path path() {
        return path;
    }

    /** The content of {@code model_index.json}. */
    public JsonObject modelIndex() {
        return modelIndex;
    }

    /** The pipeline's class, such as {@code StableDiffusionPipeline}; empty text if unnamed. */
    public String className() {
        return modelIndex.string("_class_name").orElse("");
    }

    /** The components that are present, by name; unmodifiable. */
    public SequencedMap<String, Component> components() {
        return Collections.unmodifiableSequencedMap(components);
    }

    /**
     * One component.
     *
     * @throws SoupException if the pipeline has none of that name
     */
    public Component component(String name) {
        Component c = components.get(name);
        if (c == null) {
            throw new SoupException(
                    path + " has no component '" + name + "', only " + components.keySet() + ".");
        }
        return c;
    }

    /** All weight files, relative to the folder with {@code /} between names, in order. */
    public List<String> weightFiles() {
        return components.values().stream()
                .flatMap(c -> c.weightFiles().stream())
                .map(this::relative)
                .sorted()
                .toList();
    }

    /**
     * Weight files in the components' folders that are not read, likewise: of other variants, or in
     * another format beside safetensors.
     */
    public List<String> unreadWeights() {
        List<String> unread = new ArrayList<>();
        for (Component c : components.values()) {
            try (Stream<Path> all = Files.walk(c.folder(), FileVisitOption.FOLLOW_LINKS)) {
                all.filter(Files::isRegularFile)
                        .filter(f -> f.toString().endsWith(".safetensors") || isTorchWeights(f))
                        .filter(f -> !c.weightFiles().contains(f))
                        .map(this::relative)
                        .forEach(unread::add);
            } catch (IOException e) {
                throw new SoupIoException("read", c.folder(), e);
            }
        }
        unread.sort(null);
        return unread;
    }

    /** All other files of the pipeline, likewise; {@code model_index.json} among them. */
    public List<String> otherFiles() {
        return Stream.concat(
                        Stream.of(INDEX),
                        components.values().stream()
                                .flatMap(c -> c.otherFiles().stream())
                                .map(this::relative))
                .sorted()
                .toList();
    }

    private String relative(Path file) {
        return path.relativize(file).toString().replace('\\', '/');
    }

    /**
     * Copies the pipeline, with some files made anew, into a folder that appears whole or not at
     * all.
     *
     * @param target the new folder
     * @param replace whether an existing folder may be replaced
     * @param made makers of files by path relative to the folder, given the path to write; weight
     *     files not among them are copied, further ones are added
     * @throws SoupException if the target exists (and {@code replace} is false) or a maker fails
     */
    public void copyTo(
            Path target, boolean replace, Map<String, AtomicFiles.IoConsumer<Path>> made) {
        copyTo(target, replace, List.of(), List.of(), made);
    }

    /**
     * The same, without some files.
     *
     * @param remade names of components whose weights and indexes are left out: they are made anew
     * @param dropped names of components of which nothing is copied
     */
    void copyTo(
            Path target,
            boolean replace,
            Collection<String> remade,
            Collection<String> dropped,
            Map<String, AtomicFiles.IoConsumer<Path>> made) {
        Path from = path.toAbsolutePath().normalize();
        Path to = target.toAbsolutePath().normalize();
        // Replacing the folder itself is safe: the new one is complete before the old one goes.
        if (to.startsWith(from) && !(replace && to.equals(from))) {
            throw new SoupException(
                    "Cannot write "
                            + target
                            + ": it is, or lies inside, its own source "
                            + path
                            + ".");
        }
        AtomicFiles.IoConsumer<Path> fill =
                folder -> {
                    Map<String, AtomicFiles.IoConsumer<Path>> todo = new HashMap<>(made);
                    Stream.concat(otherFiles().stream(), weightFiles().stream())
                            .filter(f -> !isWeightsOf(remade, f))
                            .filter(f -> !dropped.contains(componentOf(f)))
                            .forEach(f ->
                                    todo.putIfAbsent(f, copy -> Files.copy(path.resolve(f), copy)));
                    Path root = folder.normalize();
                    for (var e : new TreeMap<>(todo).entrySet()) {
                        Path file = root.resolve(e.getKey()).normalize();
                        if (!file.startsWith(root)) {
                            throw new SoupException(
                                    "Cannot write " + e.getKey() + " outside of " + target + ".");
                        }
                        Files.createDirectories(file.getParent());
                        e.getValue().accept(file);
                    }
                };
        AtomicFiles.writeFolder(target, ModelOutput.MODEL_FOLDER, replace, fill);
    }

    /** The component that a file lies in, relative to the folder; empty for one at the top. */
    public static String componentOf(String file) {
        return file.substring(0, Math.max(0, file.indexOf('/')));
    }

    private static boolean isWeightsOf(Collection<String> components, String file) {
        return (file.endsWith(".safetensors")
                        || file.endsWith(".bin")
                        || ShardedSafetensors.isIndex(Path.of(file)))
                && components.contains(componentOf(file));
    }
}
