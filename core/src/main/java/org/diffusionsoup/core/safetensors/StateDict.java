package org.diffusionsoup.core.safetensors;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorStreamer;

/**
 * One state dict to be written.
 *
 * @param metadata of the header, of every shard
 * @param tensors any order, unique names; their offsets are not used
 * @param streamer writes the tensors' bytes
 * @param last the header's metadata once the tensors are written, where something of it is not
 *     known before; as many bytes as {@code metadata}. Called before the output appears, which it
 *     does not where this throws; headers of shards stay as they are
 */
public record StateDict(
        Map<String, String> metadata,
        List<TensorInfo> tensors,
        TensorStreamer streamer,
        Optional<Supplier<Map<String, String>>> last) {
    public StateDict {
        metadata = Map.copyOf(metadata);
        tensors = List.copyOf(tensors);
    }

    /** One whose header is known before its tensors are written. */
    public StateDict(
            Map<String, String> metadata, List<TensorInfo> tensors, TensorStreamer streamer) {
        this(metadata, tensors, streamer, Optional.empty());
    }

    /** One whose tensors bring their bytes with them. */
    public StateDict(Map<String, String> metadata, List<TensorEntry> tensors) {
        this(
                metadata,
                tensors.stream().map(TensorEntry::info).toList(),
                new EntryStreamer(tensors));
    }

    /** The same with a header that is known last. */
    public StateDict withLast(Supplier<Map<String, String>> metadata) {
        return new StateDict(this.metadata, tensors, streamer, Optional.of(metadata));
    }

    /** Some of its tensors, under the same header. */
    public StateDict shard(List<TensorInfo> some) {
        return new StateDict(metadata, some, streamer);
    }

    /** Of all tensors together. */
    public long bytes() {
        return tensors.stream().mapToLong(TensorInfo::byteSize).sum();
    }
}
