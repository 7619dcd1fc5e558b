package org.diffusionsoup.workbench.inspect;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.UnfinishedTraining;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.diff.BlockNames;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.inspect.ModelSummary.Component;
import org.diffusionsoup.workbench.inspect.ModelSummary.Group;
import org.diffusionsoup.workbench.inspect.ModelSummary.TensorLine;
import org.diffusionsoup.workbench.inspect.ModelSummary.WeightFile;

/** Reads headers, and with hashes every byte once or twice; never a whole tensor into memory. */
public final class ModelInspector {
    private static final String SUFFIX = ".safetensors";

    private final boolean hashes;
    private final Progress progress;

    /**
     * An inspector.
     *
     * @param hashes whether to read the data and hash it
     */
    public ModelInspector(boolean hashes, Progress progress) {
        this.hashes = hashes;
        this.progress = progress;
    }

    /**
     * Describes a checkpoint of any layout.
     *
     * @throws SoupException if there is neither, or a file breaks its format
     */
    public ModelSummary inspect(Path path) {
        UnfinishedTraining.refuse(path);
        if (!Files.exists(path)) {
            throw new SoupException(
                    "There is no "
                            + path
                            + "; name a .safetensors file or a folder in diffusers layout.");
        }
        try {
            ModelSummary files =
                    Files.isDirectory(path)
                            ? folder(path)
                            : Checkpoint.isIndex(path) ? sharded(path) : single(path);
            return described(path, files);
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /** Adds what takes the whole model to say: its architecture, layout, and its components. */
    private static ModelSummary described(Path path, ModelSummary files) {
        if (files.pipeline().isEmpty() && Files.isDirectory(path) && !hasOneIndex(path)) {
            return files; // loose weights: each file was read by itself
        }
        try (Checkpoint checkpoint = Checkpoint.openIncomplete(path)) {
            SortedMap<String, Group> groups = new TreeMap<>();
            checkpoint
                    .parts()
                    .forEach((part, source) -> {
                        for (TensorInfo t : source.tensors().values()) {
                            String name = BlockNames.component(part, t.name());
                            groups.merge(
                                    name.isEmpty() ? "other" : name,
                                    new Group(1, t.elements(), t.byteSize()),
                                    Group::plus);
                        }
                    });
            return files.with(
                    checkpoint.layout().name().toLowerCase(Locale.ROOT),
                    looksLike(checkpoint),
                    groups);
        }
    }

    /** A file that is one component says which, since it cannot be used as a model. */
    private static Optional<String> looksLike(Checkpoint checkpoint) {
        Optional<String> model = Mismatches.Model.of(checkpoint).looksLike();
        if (checkpoint.layout() == Checkpoint.Layout.DIFFUSERS
                || Architecture.of(checkpoint).isEmpty()) {
            return model;
        }
        return Architecture.alone(checkpoint.part("").tensors())
                .map(part -> part + " of " + model.orElseThrow())
                .or(() -> model);
    }

    private static boolean hasOneIndex(Path folder) {
        try (Stream<Path> list = Files.list(folder)) {
            return list.filter(Checkpoint::isIndex).count() == 1;
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /** A set of shards by its index. */
    private ModelSummary sharded(Path index) throws IOException {
        List<Path> shards;
        try (Checkpoint checkpoint = Checkpoint.open(index)) {
            shards = checkpoint.part("").files();
        }
        startHashing(shards.size());
        List<WeightFile> files = new ArrayList<>();
        for (Path shard : shards) {
            files.add(file(shard, String.valueOf(shard.getFileName())));
        }
        return new ModelSummary(
                index.toString(),
                Optional.empty(),
                List.of(
                        new Component(
                                String.valueOf(index.getFileName()), Optional.empty(), files)));
    }

    private ModelSummary single(Path file) throws IOException {
        startHashing(1);
        String name = String.valueOf(file.getFileName());
        WeightFile summary = file(file, name);
        return new ModelSummary(
                file.toString(),
                Optional.empty(),
                List.of(new Component(name, Optional.empty(), List.of(summary))));
    }

    private ModelSummary folder(Path folder) throws IOException {
        if (!DiffusersFolder.isOne(folder)) {
            return loose(folder);
        }
        DiffusersFolder pipeline = DiffusersFolder.open(folder);
        startHashing(pipeline.weightFiles().size());
        List<Component> components = new ArrayList<>();
        for (DiffusersFolder.Component component : pipeline.components().values()) {
            components.add(
                    new Component(
                            component.name(),
                            Optional.of(component.className()),
                            files(folder, component.weightFiles())));
        }
        return new ModelSummary(
                folder.toString(),
                Optional.of(pipeline.className()).filter(name -> !name.isEmpty()),
                components);
    }

    /** A folder of weights without an index, such as a component taken from its pipeline. */
    private ModelSummary loose(Path folder) throws IOException {
        List<Path> weights;
        try (Stream<Path> list = Files.list(folder)) {
            weights = list.filter(file -> file.toString().endsWith(SUFFIX)).sorted().toList();
        }
        if (weights.isEmpty()) {
            throw new SoupException(
                    "%s is no model: it holds neither a model_index.json nor a .safetensors file%s."
                            .formatted(folder, FolderKind.clause(folder)));
        }
        startHashing(weights.size());
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return new ModelSummary(
                folder.toString(),
                Optional.empty(),
                List.of(
                        new Component(
                                String.valueOf(name), Optional.empty(), files(folder, weights))));
    }

    private List<WeightFile> files(Path folder, List<Path> weights) throws IOException {
        List<WeightFile> files = new ArrayList<>();
        for (Path file : weights) {
            files.add(file(file, folder.relativize(file).toString()));
        }
        return files;
    }

    private WeightFile file(Path path, String name) throws IOException {
        try (Checkpoint opened = Checkpoint.open(path)) {
            TensorSource file = opened.part("");
            SortedMap<String, Long> dtypes = new TreeMap<>();
            List<TensorLine> tensors = new ArrayList<>();
            long parameters = 0;
            for (TensorInfo tensor : file.tensors().values()) {
                String dtype = tensor.dtype().safetensorsName();
                dtypes.merge(dtype, 1L, Long::sum);
                parameters = Math.addExact(parameters, tensor.elements());
                tensors.add(
                        new TensorLine(
                                tensor.name(),
                                dtype,
                                LongStream.of(tensor.shape()).boxed().toList()));
            }
            tensors.sort(Comparator.comparing(TensorLine::name));
            Optional<Provenance> provenance = Provenance.readFrom(file.metadata());
            SortedMap<String, String> metadata = new TreeMap<>(file.metadata());
            if (provenance.isPresent()) {
                metadata.keySet().removeIf(key -> key.startsWith("soup."));
            }
            Optional<String> weights =
                    hashes ? Optional.of(WeightsHash.of(file)) : Optional.empty();
            Optional<String> bytes = hashes ? Optional.of(Hashes.sha256(path)) : Optional.empty();
            if (hashes) {
                progress.advance(1);
            }
            return new WeightFile(
                    name,
                    Files.size(path),
                    dtypes,
                    parameters,
                    bytes,
                    weights,
                    provenance,
                    metadata,
                    tensors);
        }
    }

    private void startHashing(long files) {
        if (hashes) {
            progress.start("hash", files, "files");
        }
    }
}
