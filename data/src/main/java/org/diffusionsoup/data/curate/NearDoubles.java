package org.diffusionsoup.data.curate;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;

/**
 * Finds the rows of a shard that nearly repeat a picture of another, by the measure of {@link
 * NearDuplicates} without embeddings. Every row is held against every other: for shards of some
 * thousand rows.
 */
public final class NearDoubles {
    private final Shard originals;
    private final NearDuplicates.Options options;
    private final Set<String> files;
    private final long[] hashes;
    private final Map<Integer, Thumbnail> thumbnails = new HashMap<>();

    private NearDoubles(Shard originals, NearDuplicates.Options options) {
        this.originals = originals;
        this.options = options;
        files = originals.infos().stream().map(SampleInfo::sha256).collect(Collectors.toSet());
        hashes = new long[originals.size()];
        for (int i = 0; i < hashes.length; i++) {
            hashes[i] = PerceptualHash.of(originals.get(i).image());
        }
    }

    /** The rows that repeat none of the originals, in their order. */
    public static Shard without(Shard rows, Shard originals, NearDuplicates.Options options) {
        NearDoubles doubles = new NearDoubles(originals, options);
        Set<SampleInfo> repeated = new HashSet<>();
        for (int i = 0; i < rows.size(); i++) {
            if (doubles.repeats(rows, i)) {
                repeated.add(rows.infos().get(i));
            }
        }
        return repeated.isEmpty() ? rows : rows.filter(row -> !repeated.contains(row));
    }

    private boolean repeats(Shard rows, int row) {
        if (files.contains(rows.infos().get(row).sha256())) {
            return true;
        }
        var picture = rows.get(row).image();
        long hash = PerceptualHash.of(picture);
        if (PerceptualHash.isPlain(hash)) {
            return false;
        }
        Thumbnail own = Thumbnail.of(picture);
        for (int i = 0; i < hashes.length; i++) {
            int bits = PerceptualHash.distance(hash, hashes[i]);
            if (bits <= options.maxBits()
                    && !PerceptualHash.isPlain(hashes[i])
                    && options.areNear(bits, thumbnail(i), own)) {
                return true;
            }
        }
        return false;
    }

    private Thumbnail thumbnail(int original) {
        return thumbnails.computeIfAbsent(original, i -> Thumbnail.of(originals.get(i).image()));
    }
}
