package org.diffusionsoup.workbench.registry;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/** Pictures that several shards of one training have: they count double in it. */
final class SamePictures {
    private SamePictures() {}

    /**
     * Refuses two shards that have just the same pictures left, whatever they are called and
     * whatever their texts.
     *
     * @throws SoupException naming both
     */
    static void refuse(Queries q, List<ShardRow> shards) {
        if (shards.size() < 2) {
            return; // without a look at lists of pictures
        }
        Map<Set<String>, String> seen = new LinkedHashMap<>();
        for (ShardRow s : shards) {
            String other = seen.putIfAbsent(live(q, s), s.name());
            if (other != null) {
                throw new SoupException(
                        s.name().equals(other)
                                ? "shard '%s' is named twice: its pictures would count double."
                                        .formatted(other)
                                : "shards '%s' and '%s' have the same pictures, which would count double; name one of them."
                                        .formatted(other, s.name()));
            }
        }
    }

    /**
     * What shards share in part, a sentence for each two.
     *
     * @param shards by their entries
     */
    static List<String> notes(Queries q, List<Long> shards) {
        List<String> notes = new ArrayList<>();
        if (shards.size() < 2) {
            return notes;
        }
        Map<String, Set<String>> seen = new LinkedHashMap<>();
        for (ShardRow s : q.shards()) {
            if (!shards.contains(s.id())) {
                continue;
            }
            Set<String> own = live(q, s);
            seen.forEach((name, pictures) -> {
                long same = own.stream().filter(pictures::contains).count();
                if (same > 0) {
                    notes.add(
                            "shards %s and %s have %s in common, which counted double"
                                    .formatted(name, s.name(), Plural.of(same, "picture")));
                }
            });
            seen.put(s.name(), own);
        }
        return notes;
    }

    private static Set<String> live(Queries q, ShardRow shard) {
        Set<String> pictures = new HashSet<>();
        for (SampleRow s : q.samples(shard.id())) {
            if (s.withdrawn().isEmpty()) {
                pictures.add(s.sha256());
            }
        }
        return pictures;
    }
}
