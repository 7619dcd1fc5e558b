package org.diffusionsoup.workbench.inspect;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.checkpoint.Provenance;

/**
 * What is in a checkpoint, a single file or a diffusers folder.
 *
 * @param path as it was asked for
 * @param pipeline the pipeline's class from {@code model_index.json}; empty for a single file
 * @param components in name order; a single file is one component with its file's name
 * @param layout {@code safetensors}, {@code sharded}, {@code torch}, {@code diffusers}, or {@code
 *     files} for loose weights
 * @param architecture what model it looks like, such as {@code Stable Diffusion XL}, or {@code UNet
 *     of Stable Diffusion XL} of a file with that alone; empty where unknown
 * @param groups what each component holds, by name: of a single-file Stable Diffusion checkpoint by
 *     the keys' prefixes
 */
public record ModelSummary(
        String path,
        Optional<String> pipeline,
        List<Component> components,
        String layout,
        Optional<String> architecture,
        SortedMap<String, Group> groups) {
    /** Copies the list. */
    public ModelSummary {
        components = List.copyOf(components);
        groups = Collections.unmodifiableSortedMap(groups);
    }

    /** Files alone, of no known architecture. */
    ModelSummary(String path, Optional<String> pipeline, List<Component> components) {
        this(path, pipeline, components, "files", Optional.empty(), new TreeMap<>());
    }

    /** The same with what it is as a whole. */
    ModelSummary with(
            String layout, Optional<String> architecture, SortedMap<String, Group> groups) {
        return new ModelSummary(path, pipeline, components, layout, architecture, groups);
    }

    /**
     * Tensors of a component, wherever they lie.
     *
     * @param tensors how many
     * @param parameters their elements
     * @param bytes their data
     */
    public record Group(long tensors, long parameters, long bytes) {
        Group plus(Group o) {
            return new Group(tensors + o.tensors, parameters + o.parameters, bytes + o.bytes);
        }
    }

    /** Elements of all tensors of all components. */
    public long parameters() {
        return files().stream().mapToLong(WeightFile::parameters).sum();
    }

    /** Number of tensors of all components. */
    public long tensors() {
        return files().stream().mapToLong(WeightFile::tensorCount).sum();
    }

    /** Size of all weight files in bytes. */
    public long bytes() {
        return files().stream().mapToLong(WeightFile::bytes).sum();
    }

    /** All weight files, in the components' order. */
    public List<WeightFile> files() {
        return components.stream().flatMap(c -> c.files().stream()).toList();
    }

    /**
     * A part of a pipeline.
     *
     * @param name the folder's name, for example {@code unet}
     * @param type its class from {@code model_index.json}, where that is known
     * @param files its weight files in name order; none for a tokenizer or scheduler
     */
    public record Component(String name, Optional<String> type, List<WeightFile> files) {
        /** Copies the list. */
        public Component {
            files = List.copyOf(files);
        }
    }

    /**
     * A safetensors file.
     *
     * @param name path below the checkpoint's folder
     * @param bytes size in bytes
     * @param dtypes number of tensors of each dtype
     * @param parameters elements of all tensors
     * @param fileSha256 hash of the file's bytes; empty where hashes were not asked for
     * @param weightsSha256 hash of names, dtypes, shapes and values alone, the same for files that
     *     differ in metadata or layout; empty where hashes were not asked for
     * @param provenance how the file was made, where its header says so
     * @param metadata the header's entries, without the provenance
     * @param tensors every tensor in name order
     */
    public record WeightFile(
            String name,
            long bytes,
            SortedMap<String, Long> dtypes,
            long parameters,
            Optional<String> fileSha256,
            Optional<String> weightsSha256,
            Optional<Provenance> provenance,
            SortedMap<String, String> metadata,
            List<TensorLine> tensors) {
        /** Copies the list. */
        public WeightFile {
            tensors = List.copyOf(tensors);
        }

        /** Number of tensors. */
        public int tensorCount() {
            return tensors.size();
        }
    }

    /**
     * A tensor's description.
     *
     * @param name its key in the state dict
     * @param dtype its type's name in the header, for example {@code F16}
     * @param shape dimensions; empty for a scalar
     */
    public record TensorLine(String name, String dtype, List<Long> shape) {
        /** Copies the list. */
        public TensorLine {
            shape = List.copyOf(shape);
        }
    }
}
