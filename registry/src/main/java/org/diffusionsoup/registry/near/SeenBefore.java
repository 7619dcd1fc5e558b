package org.diffusionsoup.registry.near;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/** Pictures that left one shard and are still in another. */
public final class SeenBefore {
    private SeenBefore() {}

    /**
     * Pictures of some live shards that were withdrawn from others, a sentence for each withdrawal:
     * what is trained on them has seen what was to leave.
     *
     * @param shards by their entries
     */
    public static List<String> of(Queries q, List<Long> shards) {
        List<String> notes = new ArrayList<>();
        for (ShardRow s : q.shards()) {
            if (!shards.contains(s.id())) {
                continue;
            }
            List<String> own =
                    q.samples(s.id()).stream()
                            .filter(x -> x.withdrawn().isEmpty())
                            .map(SampleRow::sha256)
                            .toList();
            Map<Long, Set<String>> by = new TreeMap<>();
            q.withdrawnSamples(own).stream()
                    .filter(x -> x.shard() != s.id())
                    .forEach(x ->
                            x.withdrawn()
                                    .ifPresent(w ->
                                            by.computeIfAbsent(w, k -> new HashSet<>())
                                                    .add(x.sha256())));
            by.forEach((w, some) ->
                    notes.add(
                            "shard "
                                    + s.name()
                                    + " holds "
                                    + Plural.of(some.size(), "picture")
                                    + " that "
                                    + (some.size() == 1 ? "was" : "were")
                                    + " withdrawn from another shard (entry "
                                    + w
                                    + ", '"
                                    + Json.string(q.entry(w).body(), "reason")
                                    + "'); if they were to leave altogether, withdraw them here"
                                    + " too"));
        }
        return notes;
    }
}
