package org.diffusionsoup.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/** Pictures that look alike by their fingerprints: 64 bits, few of which differ. */
public final class NearDuplicates {
    /** Bits that may differ between fingerprints of pictures called near-duplicates. */
    public static final int BITS = 4;

    private NearDuplicates() {}

    /** A picture and one like it. */
    public record Pair(SampleRow one, SampleRow other) {}

    /** Pairs of unlike hashes and like fingerprints. */
    public static List<Pair> between(List<SampleRow> some, List<SampleRow> others) {
        List<SampleRow> marked = others.stream().filter(b -> !b.fingerprint().isEmpty()).toList();
        // Read once: every picture of one side meets every one of the other.
        long[] prints =
                marked.stream()
                        .mapToLong(b -> Long.parseUnsignedLong(b.fingerprint(), 16))
                        .toArray();
        List<Pair> found = new ArrayList<>();
        for (SampleRow a : some) {
            if (a.fingerprint().isEmpty()) {
                continue;
            }
            long x = Long.parseUnsignedLong(a.fingerprint(), 16);
            for (int i = 0; i < prints.length; i++) {
                if (Long.bitCount(x ^ prints[i]) <= BITS
                        && !a.sha256().equals(marked.get(i).sha256())) {
                    found.add(new Pair(a, marked.get(i)));
                }
            }
        }
        return found;
    }

    static List<JsonObject> of(Queries q, Entry w, Map<Long, ShardRow> shards) {
        List<SampleRow> gone = new ArrayList<>();
        Json.numbers(w.body(), "shards").forEach(id -> gone.addAll(q.samples(id)));
        Map<Long, Set<String>> single = new HashMap<>();
        for (JsonObject part : Json.objects(w.body(), "samples")) {
            single.computeIfAbsent(Json.number(part, "shard"), k -> new HashSet<>())
                    .addAll(Json.strings(part, "sha256"));
        }
        single.forEach((shard, hashes) ->
                q.samples(shard).stream()
                        .filter(s -> hashes.contains(s.sha256()))
                        .forEach(gone::add));
        if (gone.stream().allMatch(s -> s.fingerprint().isEmpty())) {
            return List.of();
        }
        List<JsonObject> list = new ArrayList<>();
        for (Pair p : between(gone, q.fingerprinted())) {
            ShardRow s = shards.get(p.other().shard());
            list.add(
                    Json.object()
                            .put("withdrawn", p.one().sha256())
                            .put("like", p.other().sha256())
                            .put("shard", s == null ? "" : s.name())
                            .build());
        }
        return list;
    }
}
