package org.diffusionsoup.workbench.registry;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.near.Likeness;
import org.diffusionsoup.registry.near.NearDuplicates;

/**
 * Pictures of a recorded shard that are like ones which were withdrawn: the same picture stored at
 * another size has another hash, and is no longer refused by it. Where a withdrawn picture cannot
 * be looked at any more, the ledger's perceptual hashes alone decide.
 */
public final class ReturningPictures {
    private static final int MOST_TOLD = 5;

    private ReturningPictures() {}

    /**
     * One of them.
     *
     * @param row its key in the shard
     * @param sha256 of its file
     * @param withdrawn SHA-256 of the one that was withdrawn
     * @param shard the withdrawn one's
     * @param bits of their perceptual hashes that differ
     * @param difference of their colours, 0 to 1; empty where nobody could look
     */
    public record Returning(
            String row,
            String sha256,
            String withdrawn,
            String shard,
            int bits,
            OptionalDouble difference) {}

    /** Looks for them. */
    public static List<Returning> of(Registry registry, ShardRow shard, Likeness likeness) {
        record Facts(
                List<SampleRow> own,
                List<SampleRow> gone,
                Map<Long, String> names,
                Map<Long, String> sources) {}
        Facts f =
                registry.read(q -> {
                    Map<Long, String> names = new TreeMap<>();
                    Map<Long, String> sources = new TreeMap<>();
                    q.shards()
                            .forEach(s -> {
                                names.put(s.id(), s.name());
                                sources.put(s.id(), s.source());
                            });
                    List<SampleRow> own = q.samples(shard.id());
                    // What came back with this shard, by an agreement, is out no more.
                    Set<String> back =
                            own.stream().map(SampleRow::sha256).collect(Collectors.toSet());
                    List<SampleRow> gone =
                            q.withdrawnFingerprinted().stream()
                                    .filter(s -> s.shard() != shard.id())
                                    .filter(s -> !back.contains(s.sha256()))
                                    .toList();
                    return new Facts(own, gone, names, sources);
                });
        if (f.gone().isEmpty()) {
            return List.of();
        }
        NearDuplicates found =
                NearDuplicates.between(
                        f.own(), f.gone(), id -> f.sources().getOrDefault(id, ""), likeness);
        Map<String, String> keys = new TreeMap<>();
        for (SampleInfo i : ShardRef.parse(shard.source()).open().train().infos()) {
            keys.putIfAbsent(i.sha256(), i.key());
        }
        List<Returning> all = new ArrayList<>();
        found.near()
                .forEach(n ->
                        all.add(
                                new Returning(
                                        keys.getOrDefault(n.one().sha256(), ""),
                                        n.one().sha256(),
                                        n.other().sha256(),
                                        f.names().getOrDefault(n.other().shard(), ""),
                                        n.bits(),
                                        OptionalDouble.of(n.difference()))));
        found.unseen()
                .forEach(n ->
                        all.add(
                                new Returning(
                                        keys.getOrDefault(n.one().sha256(), ""),
                                        n.one().sha256(),
                                        n.other().sha256(),
                                        f.names().getOrDefault(n.other().shard(), ""),
                                        n.bits(),
                                        OptionalDouble.empty())));
        return List.copyOf(all);
    }

    /** A warning for people. */
    public static String warning(String shard, List<Returning> all) {
        List<String> told =
                all.stream()
                        .limit(MOST_TOLD)
                        .map(r ->
                                "row %s like one of shard %s (%s, %s)"
                                        .formatted(
                                                r.row(),
                                                r.shard(),
                                                Plural.of(r.bits(), "bit"),
                                                r.difference().isPresent()
                                                        ? String.format(
                                                                Locale.ROOT,
                                                                "colours %.3f apart",
                                                                r.difference().getAsDouble())
                                                        : "by its hash alone"))
                        .toList();
        return "%s of %s like pictures that were withdrawn: %s%s; unless their owner agrees, withdraw shard %s again."
                .formatted(
                        Plural.of(
                                all.stream().map(Returning::sha256).distinct().count(), "picture"),
                        shard
                                + (all.stream().map(Returning::sha256).distinct().count() == 1
                                        ? " looks"
                                        : " look"),
                        String.join("; ", told),
                        all.size() > MOST_TOLD ? "; and " + (all.size() - MOST_TOLD) + " more" : "",
                        shard);
    }
}
