package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * SHA-256 of ingredients that nobody remembers, taken while they are averaged: so they are read
 * once. That can be done where averaging reads all of a file in the file's order, and the recipe,
 * which names the hashes, stands in one header that can be written last.
 */
final class LateHashes {
    /** What a hash is written as until it is known: as many letters. */
    private static final String UNKNOWN = "0".repeat(64);

    private record Reading(SafetensorsFile file, TurnDigest digest, HashCache.Reading cache) {}

    private final List<Reading> readings = new ArrayList<>();

    private LateHashes() {}

    /**
     * Those that can be taken late; the others are to be taken before.
     *
     * @param plan the soup's tensors
     */
    static LateHashes of(List<Ingredient> opened, List<TensorPlan> plan, SoupOptions options) {
        LateHashes late = new LateHashes();
        boolean suits =
                options.policy().refusesAll()
                        && options.components().isEmpty()
                        && options.writer().shardBytes() == 0
                        && opened.size() > 1
                        && opened.stream()
                                .allMatch(i ->
                                        i.checkpoint().layout() == Checkpoint.Layout.SAFETENSORS)
                        && plan.stream().allMatch(t -> isReadOfAll(t, opened.size()));
        if (suits) {
            List<String> order =
                    plan.stream().map(TensorPlan::name).sorted(SafetensorsWriter.BY_UTF8).toList();
            for (Ingredient i : opened) {
                if (i.part("") instanceof SafetensorsFile f
                        && List.copyOf(f.tensors().keySet()).equals(order)
                        && !options.hashes().knows(f.path())) {
                    late.readings.add(new Reading(f, begun(f), options.hashes().reading(f.path())));
                }
            }
        }
        return late;
    }

    private static boolean isReadOfAll(TensorPlan t, int ingredients) {
        boolean ofOne = !t.isComputed() && t.dtype().isFloat();
        return t.part().isEmpty() && !ofOne && t.inputs().length == ingredients;
    }

    /** A digest that has what is in front of the tensors. */
    private static TurnDigest begun(SafetensorsFile f) {
        TurnDigest digest = new TurnDigest();
        try (Arena arena = Arena.ofConfined()) {
            long bytes = f.tensors().isEmpty() ? 0 : f.tensors().firstEntry().getValue().offset();
            MemorySegment header = arena.allocate(bytes);
            f.read(0, header.asByteBuffer());
            digest.update(0, header);
        }
        return digest;
    }

    boolean isEmpty() {
        return readings.isEmpty();
    }

    /** Placeholders, for until the hashes are known. */
    Map<Path, String> placeholders() {
        Map<Path, String> none = new HashMap<>();
        readings.forEach(r -> none.put(r.file().path(), UNKNOWN));
        return none;
    }

    /** What has to be given what is read. */
    Map<TensorSource, TurnDigest> digests() {
        Map<TensorSource, TurnDigest> digests = new IdentityHashMap<>();
        readings.forEach(r -> digests.put(r.file(), r.digest()));
        return Collections.unmodifiableMap(digests);
    }

    /**
     * The hashes, which are remembered; to be called once, when all was read.
     *
     * @throws SoupException if a file changed meanwhile
     */
    Map<Path, String> taken() {
        Map<Path, String> hashes = new HashMap<>();
        for (Reading r : readings) {
            long all =
                    r.file().tensors().values().stream()
                            .mapToLong(t -> t.offset() + t.byteSize())
                            .max()
                            .orElse(0);
            if (r.digest().bytes() != all) {
                throw new IllegalStateException(
                        r.file().path() + ": " + r.digest().bytes() + " of " + all + " bytes");
            }
            r.file().checkUnchanged();
            String hash = r.digest().hex();
            r.cache().done(hash);
            hashes.put(r.file().path(), hash);
        }
        return hashes;
    }
}
