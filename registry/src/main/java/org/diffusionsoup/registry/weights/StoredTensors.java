package org.diffusionsoup.registry.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.StoreException;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Weight files of a stored checkpoint, read where they lie in the store: nothing is rebuilt, and
 * every object that is read is checked against its hash. For one thread.
 */
final class StoredTensors implements TensorSource {
    private static final String METADATA = "__metadata__";

    /** Bytes of a safetensors file before its header's text. */
    private static final int LENGTH_FIELD = 8;

    private final WeightStore store;
    private final Path path;
    private final Map<String, String> metadata;
    private final SequencedMap<String, TensorInfo> tensors;
    private final Map<String, Piece> pieces;
    private String open = "";
    private MemorySegment bytes = MemorySegment.NULL;

    private StoredTensors(
            WeightStore store,
            Path path,
            Map<String, String> metadata,
            SequencedMap<String, TensorInfo> tensors,
            Map<String, Piece> pieces) {
        this.store = store;
        this.path = path;
        this.metadata = metadata;
        this.tensors = tensors;
        this.pieces = pieces;
    }

    /**
     * Opens a file, or those of a sharded set as one.
     *
     * @throws StoreException if a header is missing, altered or not that of its pieces
     */
    static StoredTensors open(WeightStore store, List<StoredFile> files) {
        Map<String, String> metadata = new TreeMap<>();
        SequencedMap<String, TensorInfo> tensors = new LinkedHashMap<>();
        Map<String, Piece> pieces = new HashMap<>();
        for (StoredFile f : files) {
            JsonObject header = header(store, f);
            metadata.putAll(metadata(header));
            List<TensorInfo> infos = infos(header, f);
            if (infos.size() != f.pieces().size() - 1) {
                throw new StoreException("The header of " + f.path() + " is not of its tensors.");
            }
            for (int i = 0; i < infos.size(); i++) {
                tensors.put(infos.get(i).name(), infos.get(i));
                pieces.put(infos.get(i).name(), f.pieces().get(i + 1));
            }
        }
        return new StoredTensors(
                store, Path.of(files.getFirst().path()), metadata, tensors, pieces);
    }

    /** The text entries of a file's header alone. */
    static Map<String, String> metadata(WeightStore store, StoredFile file) {
        return metadata(header(store, file));
    }

    private static JsonObject header(WeightStore store, StoredFile file) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment head = store.map(file.pieces().getFirst(), a);
            if (head.byteSize() <= LENGTH_FIELD || head.byteSize() > Integer.MAX_VALUE) {
                throw new StoreException(file.path() + " has no header in the store.");
            }
            byte[] text = head.asSlice(LENGTH_FIELD).toArray(ValueLayout.JAVA_BYTE);
            return JsonValue.readObject(text, "The header of " + file.path());
        }
    }

    private static Map<String, String> metadata(JsonObject header) {
        Map<String, String> texts = new TreeMap<>();
        if (header.fields().get(METADATA) instanceof JsonObject o) {
            o.fields()
                    .forEach((k, v) -> {
                        if (v instanceof JsonString(String s)) {
                            texts.put(k, s);
                        }
                    });
        }
        return texts;
    }

    /** In the order of the file's pieces, which is that of its data. */
    private static List<TensorInfo> infos(JsonObject header, StoredFile file) {
        List<TensorInfo> infos = new ArrayList<>();
        header.fields()
                .forEach((name, v) -> {
                    if (!name.equals(METADATA) && v instanceof JsonObject t) {
                        DType dtype =
                                t.string("dtype")
                                        .flatMap(DType::ofSafetensorsName)
                                        .orElseThrow(() ->
                                                new StoreException(
                                                        "The header of "
                                                                + file.path()
                                                                + " is no header."));
                        List<Long> at = numbers(t, "data_offsets");
                        infos.add(
                                new TensorInfo(
                                        name,
                                        dtype,
                                        numbers(t, "shape").stream()
                                                .mapToLong(Long::longValue)
                                                .toArray(),
                                        at.getFirst(),
                                        at.getLast() - at.getFirst()));
                    }
                });
        infos.sort(
                Comparator.comparingLong(TensorInfo::offset)
                        .thenComparingLong(TensorInfo::byteSize)
                        .thenComparing(TensorInfo::name));
        return infos;
    }

    private static List<Long> numbers(JsonObject o, String key) {
        List<Long> numbers = new ArrayList<>();
        if (o.fields().get(key) instanceof JsonArray(List<JsonValue> items)) {
            for (JsonValue item : items) {
                if (item instanceof JsonNumber(BigDecimal n)) {
                    numbers.add(n.longValueExact());
                }
            }
        }
        return numbers;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(tensors);
    }

    /** None: it lies in objects. */
    @Override
    public List<Path> files() {
        return List.of();
    }

    /** Quick where a tensor's parts are read one after the other: its object is checked once. */
    @Override
    public void read(String tensor, long from, MemorySegment into) {
        if (!tensor.equals(open)) {
            Piece piece = pieces.get(tensor);
            if (piece == null) {
                throw new StoreException("No tensor '" + tensor + "' in " + path + ".");
            }
            // Unmapped when it is reached no more, which is when the next tensor is read.
            bytes = piece.size() == 0 ? MemorySegment.NULL : store.map(piece, Arena.ofAuto());
            open = tensor;
        }
        into.copyFrom(bytes.asSlice(from, into.byteSize()));
    }

    @Override
    public void close() {
        bytes = MemorySegment.NULL;
        open = "";
    }
}
