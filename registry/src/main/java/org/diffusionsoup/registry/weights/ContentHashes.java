package org.diffusionsoup.registry.weights;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * The hashes by which recipes name weights otherwise than by their files': {@code soup train} and
 * {@code soup lora extract} name what the tensors are ({@link WeightsHash}), merges of sharded sets
 * the set, approximate removals the recipe of the soup that they start from.
 */
public final class ContentHashes {
    /** In an entry that brings weights: these hashes. Entries of earlier versions have none. */
    public static final String FIELD = "contents";

    private static final String INDEX = "-[0-9]{5}-of-[0-9]{5}\\.safetensors$";

    private ContentHashes() {}

    /**
     * Those of a stored checkpoint; reads all of what {@code known} has not.
     *
     * @param known a checkpoint whose hashes are recorded, such as the base: parts that hold its
     *     tensors and no others are left out
     * @throws SoupException if something is missing or altered in the store
     */
    public static SortedSet<String> of(
            WeightStore store, Manifest manifest, Optional<Manifest> known) {
        return of(store, manifest, known, true);
    }

    /** The same of a checkpoint that was written just now, and hashed on the way. */
    public static SortedSet<String> ofNew(
            WeightStore store, Manifest manifest, Optional<Manifest> known) {
        return of(store, manifest, known, false);
    }

    private static SortedSet<String> of(
            WeightStore store, Manifest manifest, Optional<Manifest> known, boolean check) {
        Set<String> pieces = new HashSet<>();
        known.ifPresent(k -> weights(k).forEach(f -> pieces.addAll(tensors(f))));
        SortedSet<String> hashes = new TreeSet<>();
        for (List<StoredFile> part : parts(manifest)) {
            if (part.stream().allMatch(f -> pieces.containsAll(tensors(f)))) {
                continue;
            }
            if (part.size() > 1) {
                part.forEach(f -> hashes.add(weightsHash(store, List.of(f), check)));
                hashes.add(setHash(part));
            }
            hashes.add(weightsHash(store, part, check));
            part.forEach(f -> recipe(store, f).ifPresent(hashes::add));
        }
        return hashes;
    }

    /** Those of one file of a checkpoint. */
    static Set<String> ofFile(WeightStore store, StoredFile file) {
        Set<String> hashes = new HashSet<>();
        hashes.add(weightsHash(store, List.of(file), false));
        recipe(store, file).ifPresent(hashes::add);
        return hashes;
    }

    /**
     * The same, empty where the store cannot say: weights that leave may be damaged, and that must
     * not keep them.
     */
    static SortedSet<String> ifReadable(
            WeightStore store, String checkpoint, Optional<String> known) {
        try {
            Optional<Manifest> k = known.filter(store::has).map(store::manifest);
            return of(store, store.manifest(checkpoint), k);
        } catch (SoupException e) {
            return new TreeSet<>();
        }
    }

    private static String weightsHash(WeightStore store, List<StoredFile> files, boolean check) {
        try (StoredTensors t = StoredTensors.open(store, files, check)) {
            return WeightsHash.of(t);
        }
    }

    /** As {@link Hashes#ofFiles} has it. */
    private static String setHash(List<StoredFile> files) {
        StringBuilder lines = new StringBuilder();
        for (StoredFile f : files) {
            String name = f.path().substring(f.path().lastIndexOf('/') + 1);
            lines.append(f.sha256()).append("  ").append(name).append('\n');
        }
        return Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static Optional<String> recipe(WeightStore store, StoredFile file) {
        return Provenance.readFrom(StoredTensors.metadata(store, file))
                .map(p -> p.recipe().sha256());
    }

    /** Weight files that belong together: those of a sharded set, each other by itself. */
    private static List<List<StoredFile>> parts(Manifest manifest) {
        Map<String, List<StoredFile>> parts = new TreeMap<>();
        weights(manifest)
                .forEach(f ->
                        parts.computeIfAbsent(
                                        f.path().replaceFirst(INDEX, ""), k -> new ArrayList<>())
                                .add(f));
        return List.copyOf(parts.values());
    }

    /** Files whose tensors the store has one by one. */
    static List<StoredFile> weights(Manifest manifest) {
        return manifest.files().stream()
                .filter(f -> f.isWeights() && f.path().endsWith(".safetensors"))
                .toList();
    }

    private static List<String> tensors(StoredFile file) {
        return file.pieces().stream().skip(1).map(Piece::sha256).toList();
    }
}
