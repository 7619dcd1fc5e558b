package org.diffusionsoup.core.checkpoint;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Writes a checkpoint in the layout of another: a safetensors file, a folder of shards, or a
 * diffusers folder with its configurations, tokenizers and schedulers carried along. The output
 * appears whole or not at all.
 *
 * @param replace whether an existing output is replaced, once the new one is complete
 * @param shardBytes largest size of a weight file's tensors, 0 for no limit: larger parts are
 *     written as {@code NAME-00001-of-0000N.safetensors} with an index, as Hugging Face libraries
 *     do. A single tensor beyond the size gets a file of its own
 * @param misfits what keeps the weights of a checkpoint from being what its configurations
 *     describe, by names and shapes, one sentence each; asked before anything is written of an
 *     output with other tensors than those that its configurations come from
 */
public record CheckpointWriter(
        boolean replace, long shardBytes, Function<Checkpoint, List<String>> misfits) {
    /** One file per part; an existing output is refused. */
    public static final CheckpointWriter DEFAULT = new CheckpointWriter(false, 0);

    /** One that does not ask whether weights fit. */
    public CheckpointWriter(boolean replace, long shardBytes) {
        this(replace, shardBytes, c -> List.of());
    }

    public CheckpointWriter {
        if (shardBytes < 0) {
            throw new SoupException("The size of a shard cannot be below 0.");
        }
    }

    /**
     * The same, splitting the same tensors into the same files as parts that this class wrote. The
     * size that was asked for then is not noted; any that gives these files does.
     *
     * @param written all parts of one call of {@link #write}
     */
    public CheckpointWriter splittingAs(Collection<? extends TensorSource> written) {
        long most = 0;
        boolean split = false;
        for (TensorSource part : written) {
            if (part instanceof ShardedSafetensors s) {
                split = true;
                most = Math.max(most, s.sizesOfSeveral().max().orElse(1));
            } else {
                most = Math.max(most, bytes(part));
            }
        }
        return new CheckpointWriter(replace, split ? most : 0, misfits);
    }

    private static long bytes(TensorSource part) {
        return part.tensors().values().stream().mapToLong(TensorInfo::byteSize).sum();
    }

    /**
     * Writes parts as a checkpoint.
     *
     * @param like whose layout, and whose other files, the output takes; its components that are
     *     not among the parts are copied
     * @param parts by the names of {@link Checkpoint#parts}
     * @param out a file (one part, no shards needed), or a folder
     * @throws SoupException if {@code out} exists and may not be replaced, or lies inside {@code
     *     like}
     * @throws SoupIoException if writing fails
     */
    public void write(Checkpoint like, Map<String, StateDict> parts, Path out) {
        write(OutputLayout.of(like), parts, out);
    }

    /**
     * The same without some components of a diffusers folder.
     *
     * @param dropped components of {@code like} that the output does not have; its {@code
     *     model_index.json} says so
     */
    public void write(
            Checkpoint like, SortedSet<String> dropped, Map<String, StateDict> parts, Path out) {
        write(new OutputLayout(like, dropped, new TreeMap<>(), new TreeMap<>()), parts, out);
    }

    /**
     * The same with a layout that may differ from that of a checkpoint.
     *
     * @param layout its components that are neither among the parts nor dropped are copied; those
     *     with weights that it keeps are among the parts
     * @throws SoupException also if the parts do not fit the layout's configurations
     */
    public void write(OutputLayout layout, Map<String, StateDict> parts, Path out) {
        PlannedCheckpoint.requireFit(layout.like(), parts, out, misfits);
        if (layout.like().folder().isPresent()) {
            ModelOutput.MODEL_FOLDER.check(out, replace);
            writeFolder(layout.like().folder().get(), layout, parts, out);
            return;
        }
        StateDict only = parts.get("");
        if (only == null || parts.size() != 1) {
            throw new SoupException("A checkpoint that is one file has one part.");
        }
        boolean whole = shardBytes == 0 || only.bytes() <= shardBytes;
        (whole ? ModelOutput.MODEL_FILE : ModelOutput.MODEL_FOLDER).check(out, replace);
        if (whole) {
            if (replace) {
                SafetensorsWriter.write(out, only);
            } else {
                SafetensorsWriter.writeNew(out, only);
            }
            return;
        }
        AtomicFiles.IoConsumer<Path> fill =
                folder -> {
                    for (var f : files("model", only).entrySet()) {
                        f.getValue().accept(folder.resolve(f.getKey()));
                    }
                };
        AtomicFiles.writeFolder(out, ModelOutput.MODEL_FOLDER, replace, fill);
    }

    private void writeFolder(
            DiffusersFolder like, OutputLayout layout, Map<String, StateDict> parts, Path out) {
        Map<String, AtomicFiles.IoConsumer<Path>> made = new HashMap<>();
        List<String> leave = new ArrayList<>();
        parts.forEach((name, part) -> {
            String stem = layout.stem(like, name);
            files(stem, part).forEach((file, maker) -> made.put(name + "/" + file, maker));
            leave.add(name);
        });
        layout.kept()
                .values()
                .forEach(c ->
                        ExtraComponents.files(c)
                                .forEach((file, from) ->
                                        made.put(file, to -> Files.copy(from, to))));
        layout.others().forEach((file, from) -> made.put(file, to -> Files.copy(from, to)));
        if (layout.changesIndex()) {
            byte[] index = layout.index(like).text().getBytes(StandardCharsets.UTF_8);
            made.put(DiffusersFolder.INDEX, to -> AtomicFiles.write(to, index));
        }
        like.copyTo(out, replace, leave, layout.dropped(), made);
    }

    /** The files of one part by name: one, or shards and their index. */
    private Map<String, AtomicFiles.IoConsumer<Path>> files(String stem, StateDict part) {
        Map<String, AtomicFiles.IoConsumer<Path>> made = new LinkedHashMap<>();
        if (shardBytes == 0 || part.bytes() <= shardBytes) {
            made.put(stem + ".safetensors", to -> SafetensorsWriter.write(to, part));
            return made;
        }
        List<List<TensorInfo>> shards = split(part);
        TreeMap<String, String> weightMap = new TreeMap<>(SafetensorsWriter.BY_UTF8);
        for (int i = 0; i < shards.size(); i++) {
            String name =
                    String.format(
                            Locale.ROOT, "%s-%05d-of-%05d.safetensors", stem, i + 1, shards.size());
            List<TensorInfo> shard = shards.get(i);
            shard.forEach(t -> weightMap.put(t.name(), name));
            boolean isLast = i == shards.size() - 1;
            made.put(
                    name,
                    to -> {
                        SafetensorsWriter.write(to, part.shard(shard));
                        if (isLast && part.last().isPresent()) {
                            var _ = part.last().get().get(); // may refuse
                        }
                    });
        }
        byte[] index =
                SafetensorsWriter.index(part.bytes(), weightMap).getBytes(StandardCharsets.UTF_8);
        made.put(stem + ShardedSafetensors.INDEX_SUFFIX, to -> AtomicFiles.write(to, index));
        return made;
    }

    private List<List<TensorInfo>> split(StateDict part) {
        List<List<TensorInfo>> shards = new ArrayList<>();
        long room = -1;
        for (TensorInfo t : SafetensorsWriter.sorted(part.tensors())) {
            if (shards.isEmpty() || t.byteSize() > room) {
                shards.add(new ArrayList<>());
                room = shardBytes;
            }
            shards.getLast().add(t);
            room -= t.byteSize();
        }
        return shards;
    }
}
