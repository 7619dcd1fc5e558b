package org.diffusionsoup.core.safetensors;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.diffusionsoup.core.tensor.TensorEntry;

/**
 * One state dict to be written.
 *
 * @param metadata of the header, of every shard
 * @param tensors any order, unique names
 * @param last the header's metadata once the tensors are written, where something of it is not
 *     known before; as many bytes as {@code metadata}. Called before the output appears, which it
 *     does not where this throws; headers of shards stay as they are
 */
public record StateDict(
        Map<String, String> metadata,
        List<TensorEntry> tensors,
        Optional<Supplier<Map<String, String>>> last) {
    public StateDict {
        metadata = Map.copyOf(metadata);
        tensors = List.copyOf(tensors);
    }

    /** One whose header is known before its tensors are written. */
    public StateDict(Map<String, String> metadata, List<TensorEntry> tensors) {
        this(metadata, tensors, Optional.empty());
    }

    /** Of all tensors together. */
    public long bytes() {
        return tensors.stream().mapToLong(TensorEntry::byteSize).sum();
    }
}
