package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.Architecture.Family;
import org.diffusionsoup.core.checkpoint.Architecture.Task;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Checkpoint.Layout;
import org.diffusionsoup.core.checkpoint.EdmModels;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.checkpoint.TextualInversions;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Converts Stable Diffusion 1.x, 2.x and XL between original single files and diffusers folders.
 * Weights keep their dtypes and bytes; they are renamed, reshaped, split, joined or transposed, in
 * pieces, so memory does not grow with the model. Outputs appear whole or not at all.
 *
 * @param replace whether an existing output is replaced
 * @param prediction what the denoiser predicts, where the caller knows it; otherwise the file or a
 *     {@code .yaml} beside it says it ({@link TrainingObjective}), or it is guessed: velocity for
 *     text-to-image Stable Diffusion 2.x unless the file's name holds {@code base} or {@code 512};
 *     noise for all others
 * @param ema whether a single file's denoiser is taken from the moving averages that training kept
 *     in it ({@code model_ema.*})
 * @param progress told the bytes written
 */
public record Converter(
        boolean replace, Optional<PredictionType> prediction, boolean ema, SoupProgress progress) {
    /** Refuses existing outputs, takes the weights and no averages, reports nothing. */
    public static final Converter DEFAULT =
            new Converter(false, Optional.empty(), false, SoupProgress.NONE);

    /** The same, reporting elsewhere. */
    Converter withProgress(SoupProgress other) {
        return new Converter(replace, prediction, ema, other);
    }

    private static final String CONFIG = "/config.json";

    private static final String TOKEN_TABLE = "text_model.embeddings.token_embedding.weight";

    private static final int PIECE = 4 << 20;

    /**
     * A checkpoint's components under today's diffusers names, whatever its layout, so that a
     * single file can be averaged with a folder. Borrowed: valid until the checkpoint is closed.
     *
     * @throws SoupException if a single file is no Stable Diffusion 1.x, 2.x or XL
     */
    public static SequencedMap<String, TensorSource> view(Checkpoint checkpoint) {
        Checkpoint today = TensorNames.today(checkpoint);
        if (today.layout() != Layout.DIFFUSERS) {
            architecture(today);
            return new FromSingle(today.part(""), false).parts();
        }
        return today.parts();
    }

    /**
     * A component as a conversion to a folder would write it.
     *
     * @param weights under diffusers' names; borrowed
     * @param config text of its {@code config.json}
     */
    public record Component(TensorSource weights, byte[] config) {}

    /**
     * The components of a single file as {@link #toDiffusers} would write them; none of a file that
     * is no whole model of these kinds.
     *
     * @throws SoupException if it is one, but for tensors that none of these models has
     */
    public static SequencedMap<String, Component> components(Checkpoint single) {
        SequencedMap<String, Component> components = new LinkedHashMap<>();
        Checkpoint today = TensorNames.today(single);
        TensorSource source = today.part("");
        Family family;
        try {
            family = architecture(today).family();
        } catch (SoupException e) {
            return components;
        }
        if (!FromSingle.hasAll(source.tensors().keySet())) {
            return components;
        }
        SequencedMap<String, TensorSource> parts = new FromSingle(source, false).parts();
        checkComplete(today, family, parts);
        Map<String, byte[]> carried = CarriedConfigs.of(today.path(), source.metadata());
        parts.forEach((name, part) -> {
            byte[] own = carried.get(name + CONFIG);
            byte[] config =
                    own != null
                            ? own
                            : Configs.utf8(config(name, family, PredictionType.EPSILON, part));
            components.put(name, new Component(part, config));
        });
        return components;
    }

    /**
     * Makes a diffusers folder, with configurations, scheduler and tokenizers, of a single file.
     *
     * @throws SoupException if it is no Stable Diffusion 1.x, 2.x or XL, lacks a component, or the
     *     output exists and may not be replaced
     */
    public Conversion toDiffusers(Checkpoint given, Path out) {
        if (given.layout() == Layout.DIFFUSERS) {
            throw new SoupException(given.path() + " is a diffusers folder already.");
        }
        ModelOutput.MODEL_FOLDER.check(out, replace);
        Inputs.keep(out, List.of(given.path()), "its input");
        SpecialWeights.refuse(given, "converted");
        Checkpoint single = TensorNames.today(given);
        Architecture architecture = architecture(single);
        Family family = architecture.family();
        TensorSource source = single.part("");
        FromSingle from = new FromSingle(source, ema);
        Map<String, TensorSource> parts = from.parts();
        checkComplete(single, family, parts);
        Map<String, byte[]> files =
                new TreeMap<>(CarriedConfigs.of(single.path(), source.metadata()));
        List<String> notes = new ArrayList<>(source.notes());
        EdmModels.refuse(single);
        TrainingObjective objective =
                prediction.isPresent()
                        ? TrainingObjective.ofFirst(single)
                        : TrainingObjective.of(single);
        boolean carried = files.containsKey("scheduler/scheduler_config.json");
        PredictionType predicts =
                prediction.orElseGet(() -> guess(single, objective, architecture, notes));
        if (predicts == PredictionType.EPSILON && objective.zeroSnr()) {
            notes.add(
                    "Its noise schedule ends in pure noise (zero terminal SNR), where a model of"
                            + " epsilon has nothing to go by; is `predictionType` v_prediction"
                            + " meant?");
        }
        if (!carried || prediction.isPresent()) {
            files.put(
                    "scheduler/scheduler_config.json",
                    Configs.utf8(Configs.scheduler(family, predicts, objective.zeroSnr())));
        }
        parts.forEach((name, part) ->
                files.computeIfAbsent(
                        name + CONFIG, n -> Configs.utf8(config(name, family, predicts, part))));
        String pad = family == Family.SD2 ? "!" : "<|endoftext|>";
        tokenizer(files, "", pad, parts, notes);
        if (family == Family.SDXL) {
            tokenizer(files, "_2", "!", parts, notes);
        }
        Map<String, String> header = new TreeMap<>(Map.of("format", "pt"));
        Optional<Provenance> recipe = ConvertedRecipe.of("diffusers", single.parts());
        recipe.ifPresent(p -> header.putAll(p.writeTo(header)));
        int[] count = {0};
        long[] bytes = {0};
        try (Copier copier = new Copier(total(parts), progress)) {
            AtomicFiles.IoConsumer<Path> fill =
                    folder -> {
                        for (var f : files.entrySet()) {
                            Path to = folder.resolve(f.getKey());
                            Files.createDirectories(to.resolveSibling("."));
                            Files.write(to, f.getValue());
                        }
                        String scheduler = schedulerClass(folder);
                        Files.write(
                                folder.resolve("model_index.json"),
                                Configs.utf8(Configs.modelIndex(architecture, scheduler)));
                        for (var p : parts.entrySet()) {
                            List<TensorEntry> entries = new ArrayList<>();
                            for (TensorInfo t : p.getValue().tensors().values()) {
                                entries.add(copier.entry(p.getValue(), t));
                                bytes[0] += t.byteSize();
                            }
                            count[0] += entries.size();
                            SafetensorsWriter.write(
                                    folder.resolve(p.getKey()).resolve(weights(p.getKey())),
                                    header,
                                    entries);
                        }
                        source.checkUnchanged();
                    };
            AtomicFiles.writeFolder(out, ModelOutput.MODEL_FOLDER, replace, fill);
        }
        return new Conversion(
                out, architecture, count[0], bytes[0], from.leftOut(), notes, recipe.isPresent());
    }

    /**
     * Copies a diffusers folder, whatever files its weights lie in, into one with a single
     * safetensors file per component, under the usual names and today's tensor names.
     */
    Conversion toWholeFolder(Checkpoint given, Path out) {
        SpecialWeights.refuse(given, "converted");
        Checkpoint today = TensorNames.today(given);
        Architecture architecture = architecture(today);
        Map<String, TensorSource> parts = today.parts();
        int[] count = {0};
        try (Copier copier = new Copier(total(parts), progress)) {
            AtomicFiles.writeFolder(
                    out,
                    folder -> {
                        copySmallFiles(given.folder().orElseThrow().path(), folder);
                        for (var p : parts.entrySet()) {
                            List<TensorEntry> entries = new ArrayList<>();
                            p.getValue()
                                    .tensors()
                                    .values()
                                    .forEach(t -> entries.add(copier.entry(p.getValue(), t)));
                            count[0] += entries.size();
                            Path file = folder.resolve(p.getKey()).resolve(weights(p.getKey()));
                            Files.createDirectories(file.resolveSibling("."));
                            SafetensorsWriter.write(
                                    file, withFormat(p.getValue().metadata()), entries);
                        }
                    });
        }
        return new Conversion(
                out,
                architecture,
                count[0],
                total(parts),
                List.of(),
                today.notes().toList(),
                false);
    }

    private static Map<String, String> withFormat(Map<String, String> metadata) {
        Map<String, String> all = new TreeMap<>(metadata);
        all.put("format", "pt");
        return all;
    }

    private static void copySmallFiles(Path from, Path to) throws IOException {
        for (Path f : smallFiles(from)) {
            Path target = to.resolve(from.relativize(f).toString());
            Files.createDirectories(target.resolveSibling("."));
            Files.copy(f, target);
        }
    }

    /**
     * Configurations and tokenizers: the JSON and text files of a folder and its components,
     * wherever links lead to.
     */
    static List<Path> smallFiles(Path model) throws IOException {
        List<Path> small = new ArrayList<>();
        for (Path f : list(model)) {
            // No deeper, so that a link to a folder above leads nowhere.
            for (Path g : Files.isDirectory(f) ? list(f) : List.of(f)) {
                String name = String.valueOf(g.getFileName());
                if (Files.isRegularFile(g)
                        && name.matches("(?s).*\\.(json|txt|model)")
                        && !name.endsWith(".index.json")) {
                    small.add(g);
                }
            }
        }
        return small;
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.sorted().toList();
        }
    }

    /**
     * Makes a single file, as A1111 and ComfyUI read it, of a diffusers folder. The folder's
     * configurations go into its header. A Stable Diffusion 2.x file gets as many text layers as
     * the folder has, 23 and not the 24 of the published files: the last one is never used.
     *
     * @throws SoupException if it is no folder of Stable Diffusion 1.x, 2.x or XL, lacks a
     *     component, or the output exists and may not be replaced
     */
    public Conversion toSingleFile(Checkpoint given, Path out) {
        if (given.folder().isEmpty()) {
            throw new SoupException(given.path() + " is no diffusers folder.");
        }
        if (ema) {
            throw new SoupException(
                    "`ema` is for single files, whose averages lie beside their weights; "
                            + given.path()
                            + " is a diffusers folder.");
        }
        ModelOutput.CHECKPOINT_FILE.check(out, replace);
        Inputs.keep(out, List.of(given.path()), "its input");
        SpecialWeights.refuse(given, "converted");
        Checkpoint diffusers = TensorNames.today(given);
        Architecture architecture = architecture(diffusers);
        checkComplete(diffusers, architecture.family(), diffusers.parts());
        ToSingle to = new ToSingle(architecture.family(), diffusers.parts());
        long total = to.tensors().stream().mapToLong(e -> e.tensor().info().byteSize()).sum();
        Optional<Provenance> recipe = ConvertedRecipe.of("single", diffusers.parts());
        try (Copier copier = new Copier(total, progress)) {
            List<TensorEntry> entries = new ArrayList<>();
            to.tensors().forEach(e -> entries.add(copier.entry(e.source(), e.tensor())));
            TrainingObjective objective = TrainingObjective.of(diffusers);
            entries.addAll(marks(objective));
            Map<String, String> header = header(diffusers, objective);
            SafetensorsWriter.write(
                    out, recipe.map(p -> p.writeTo(header)).orElse(header), entries);
        }
        return new Conversion(
                out,
                architecture,
                to.tensors().size(),
                total,
                to.leftOut(),
                diffusers.notes().toList(),
                recipe.isPresent());
    }

    /** The marks that A1111 and ComfyUI look for: empty tensors of these names. */
    private static List<TensorEntry> marks(TrainingObjective objective) {
        List<TensorEntry> marks = new ArrayList<>();
        if (objective.prediction().equals(Optional.of(TrainingObjective.VELOCITY))) {
            marks.add(TensorEntry.ofFloats(TrainingObjective.VELOCITY_MARK, new long[] {0}));
        }
        if (objective.zeroSnr()) {
            marks.add(TensorEntry.ofFloats(TrainingObjective.ZERO_SNR_MARK, new long[] {0}));
        }
        return marks;
    }

    private static Map<String, String> header(Checkpoint diffusers, TrainingObjective objective) {
        Map<String, String> header = new TreeMap<>();
        header.put("format", "pt");
        header.put(CarriedFiles.KEY, CarriedFiles.of(diffusers.folder().orElseThrow()));
        objective
                .prediction()
                .ifPresent(p ->
                        header.put(
                                TrainingObjective.MODELSPEC,
                                p.equals(TrainingObjective.VELOCITY) ? "v" : p));
        return header;
    }

    private static Architecture architecture(Checkpoint checkpoint) {
        refuseComponent(checkpoint);
        if (checkpoint.layout() != Layout.DIFFUSERS) {
            TextualInversions.refuse(
                    checkpoint.part("").tensors().keySet(), checkpoint.path().toString());
        }
        Architecture a =
                Architecture.of(checkpoint)
                        .orElseThrow(() ->
                                new SoupException(
                                        checkpoint.path()
                                                + " is not recognised as Stable Diffusion"
                                                + " 1.x, 2.x or XL; only these are"
                                                + " converted."));
        if (a.family() == Family.SDXL_REFINER) {
            throw new SoupException(
                    checkpoint.path()
                            + " is a Stable Diffusion XL refiner, which is not converted; only"
                            + " Stable Diffusion 1.x, 2.x and XL are.");
        }
        return a;
    }

    /** A file that is a single component of a model, as folders hold them, is none. */
    private static void refuseComponent(Checkpoint checkpoint) {
        if (checkpoint.layout() == Layout.DIFFUSERS) {
            return;
        }
        Map<String, TensorInfo> tensors = checkpoint.part("").tensors();
        Architecture.alone(tensors)
                .ifPresent(part -> {
                    String model = Architecture.of(checkpoint).map(a -> " of " + a).orElse("");
                    throw new SoupException(
                            "%s is %s %s%s alone, under the names of a folder's component; a whole model is needed, with UNet, autoencoder and text encoder."
                                    .formatted(
                                            checkpoint.path(),
                                            part.equals("UNet") || part.equals("text encoder")
                                                    ? "a"
                                                    : "an",
                                            part,
                                            model));
                });
    }

    private static void checkComplete(
            Checkpoint checkpoint, Family family, Map<String, TensorSource> parts) {
        List<String> needed = new ArrayList<>(List.of("unet", "vae", "text_encoder"));
        if (family == Family.SDXL) {
            needed.add("text_encoder_2");
        }
        needed.removeAll(parts.keySet());
        if (!needed.isEmpty()) {
            throw new SoupException(
                    checkpoint.path()
                            + " holds no weights of "
                            + String.join(", ", needed)
                            + "; a whole "
                            + family.title()
                            + " is needed.");
        }
    }

    private static PredictionType guess(
            Checkpoint single, TrainingObjective objective, Architecture a, List<String> notes) {
        if (objective.prediction().isPresent()) {
            String said = objective.prediction().get();
            if (objective.source().endsWith(".yaml") || objective.source().endsWith(".yml")) {
                notes.add(
                        objective.source()
                                + " beside the file says that it predicts "
                                + said
                                + ".");
            }
            objective.requireKnown(single.path());
            return PredictionType.of(said).orElseThrow();
        }
        if (a.family() != Family.SD2 || a.task() != Task.TEXT_TO_IMAGE) {
            return PredictionType.EPSILON;
        }
        String name = String.valueOf(single.path().getFileName()).toLowerCase(Locale.ROOT);
        PredictionType guess =
                name.contains("base") || name.contains("512")
                        ? PredictionType.EPSILON
                        : PredictionType.V_PREDICTION;
        notes.add(
                "Nothing in the file says what it predicts; "
                        + guess.configName()
                        + " is assumed (`predictionType` says it).");
        return guess;
    }

    static Map<String, Object> config(
            String component, Family family, PredictionType prediction, TensorSource part) {
        return switch (component) {
            case "unet" -> Configs.unet(family, prediction, part);
            case "vae" -> Configs.vae(family, prediction, part);
            case "text_encoder" -> Configs.text(family == Family.SD2, part);
            default -> Configs.text(true, part);
        };
    }

    /**
     * CLIP's tokenizer where the file carries none; a text encoder with another number of tokens
     * was trained with another one, which is said.
     *
     * @param ending of the component's name
     */
    private static void tokenizer(
            Map<String, byte[]> files,
            String ending,
            String pad,
            Map<String, TensorSource> parts,
            List<String> notes) {
        String folder = "tokenizer" + ending;
        boolean carried = files.containsKey(folder + "/" + TokenizerFiles.VOCABULARY);
        Map<String, byte[]> own = TokenizerFiles.of(pad);
        // A file that the model went without would have its way over what the other one says.
        boolean described = files.keySet().stream().anyMatch(f -> f.startsWith(folder + "/"));
        if (described) {
            own.keySet().retainAll(TokenizerFiles.SHIPPED);
        }
        own.forEach((name, text) -> files.putIfAbsent(folder + "/" + name, text));
        TensorSource text = Objects.requireNonNull(parts.get("text_encoder" + ending));
        TensorInfo table = text.tensors().get(TOKEN_TABLE);
        if (!carried && table != null && table.shape()[0] < TokenizerFiles.TOKENS) {
            notes.add(
                    String.format(
                            Locale.ROOT,
                            "text_encoder%s has embeddings for %,d tokens, so it was not trained with CLIP's %,d, which are put into %s: replace vocab.json and merges.txt there by the model's own before it draws.",
                            ending,
                            table.shape()[0],
                            TokenizerFiles.TOKENS,
                            folder));
        } else if (!described && table != null && table.shape()[0] > TokenizerFiles.TOKENS) {
            notes.add(
                    String.format(
                            Locale.ROOT,
                            "text_encoder%s has embeddings for %,d tokens, more than CLIP's %,d, which are put into %s: prompts do not reach the others until %s/added_tokens.json gives their names and ids.",
                            ending,
                            table.shape()[0],
                            TokenizerFiles.TOKENS,
                            folder,
                            folder));
        }
    }

    private static String schedulerClass(Path folder) {
        Path config = folder.resolve("scheduler/scheduler_config.json");
        return JsonValue.readObject(config)
                .string("_class_name")
                .filter(c -> c.matches("[A-Za-z0-9]+"))
                .orElseThrow(() -> new SoupException(config + " names no _class_name."));
    }

    static String weights(String component) {
        return component.startsWith("text_encoder")
                ? "model.safetensors"
                : "diffusion_pytorch_model.safetensors";
    }

    private static long total(Map<String, TensorSource> parts) {
        return parts.values().stream()
                .flatMap(p -> p.tensors().values().stream())
                .mapToLong(TensorInfo::byteSize)
                .sum();
    }

    /** Streams tensors through one buffer. */
    private static final class Copier implements AutoCloseable {
        private final Arena arena = Arena.ofConfined();
        private final MemorySegment buffer = arena.allocate(PIECE, 4096);
        private final long total;
        private final SoupProgress progress;
        private long done;

        Copier(long total, SoupProgress progress) {
            this.total = total;
            this.progress = progress;
        }

        TensorEntry entry(TensorSource source, TensorInfo t) {
            return entry(source, new Derived(t, (from, into) -> source.read(t.name(), from, into)));
        }

        TensorEntry entry(TensorSource source, Derived d) {
            TensorInfo t = d.info();
            TensorBytes bytes =
                    channel -> {
                        for (long at = 0; at < t.byteSize(); at += PIECE) {
                            long n = Math.min(PIECE, t.byteSize() - at);
                            MemorySegment piece = buffer.asSlice(0, n);
                            d.reader().read(at, piece);
                            channel.write(piece.asByteBuffer());
                            done += n;
                            progress.update("converting", done, total);
                        }
                        source.checkUnchanged();
                    };
            return new TensorEntry(t.name(), t.dtype(), t.shape(), bytes);
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
