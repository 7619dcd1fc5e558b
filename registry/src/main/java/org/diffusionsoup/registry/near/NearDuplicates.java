package org.diffusionsoup.registry.near;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.LongFunction;
import org.diffusionsoup.core.io.HashIndex;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.near.Likeness.Look;
import org.diffusionsoup.registry.near.Likeness.Picture;

/**
 * Pictures that are alike but not equal: candidates by the ledger's hashes, which a {@link
 * Likeness} looks at.
 *
 * @param near those that are alike
 * @param unread pairs with near hashes of which a picture could not be read, so that nobody looked
 * @param unseen the first of those pairs, at most {@value #MOST_UNSEEN}
 * @param unmeasured pictures that could not be compared, because an earlier version recorded them
 *     with another hash
 */
public record NearDuplicates(List<Near> near, long unread, List<Unseen> unseen, long unmeasured) {
    /** In a withdrawal's entry and in certificates. */
    public static final String NEAR = "near_duplicates";

    /** In a withdrawal's entry and in certificates: how they were looked for. */
    public static final String MEASURE = "near_duplicates_measure";

    /** More are not looked at: a shard of thousands of nearly equal pictures. */
    private static final int MOST = 100_000;

    private static final int MOST_UNSEEN = 1000;

    public NearDuplicates {
        near = List.copyOf(near);
        unseen = List.copyOf(unseen);
    }

    /**
     * Two pictures with near hashes of which one could not be read.
     *
     * @param bits of their hashes that differ
     */
    public record Unseen(SampleRow one, SampleRow other, int bits) {}

    /**
     * Two pictures that are alike.
     *
     * @param bits of their hashes that differ
     * @param difference of their colours, 0 to 1
     * @param distance of what a model sees in them; empty without one
     */
    public record Near(
            SampleRow one, SampleRow other, int bits, double difference, OptionalDouble distance) {}

    /**
     * Looks for pictures of one set that are alike to those of another.
     *
     * @param source where a shard lies, by the number of its entry
     */
    public static NearDuplicates between(
            List<SampleRow> some,
            List<SampleRow> others,
            LongFunction<String> source,
            Likeness likeness) {
        List<SampleRow> a = some.stream().filter(s -> s.hash().isPresent()).toList();
        List<SampleRow> b = others.stream().filter(s -> s.hash().isPresent()).toList();
        long unmeasured =
                some.stream().filter(SampleRow::hasOldHash).count()
                        + others.stream().filter(SampleRow::hasOldHash).count();
        List<Likeness.Pair> pairs = new ArrayList<>();
        List<SampleRow[]> rows = new ArrayList<>();
        long[] beyond = {0};
        new HashIndex(hashes(b))
                .near(
                        hashes(a),
                        likeness.maxBits(),
                        (i, j, bits) -> {
                            SampleRow one = a.get(i);
                            SampleRow other = b.get(j);
                            if (one.sha256().equals(other.sha256())) {
                                return;
                            }
                            if (pairs.size() == MOST) {
                                beyond[0]++;
                                return;
                            }
                            rows.add(new SampleRow[] {one, other});
                            pairs.add(
                                    new Likeness.Pair(
                                            new Picture(source.apply(one.shard()), one.sha256()),
                                            new Picture(
                                                    source.apply(other.shard()), other.sha256()),
                                            bits));
                        });
        List<Optional<Look>> looks = pairs.isEmpty() ? List.of() : likeness.look(pairs);
        List<Near> near = new ArrayList<>();
        List<Unseen> unseen = new ArrayList<>();
        long unread = beyond[0];
        for (int i = 0; i < looks.size(); i++) {
            if (looks.get(i).isEmpty()) {
                unread++;
                if (unseen.size() < MOST_UNSEEN) {
                    unseen.add(new Unseen(rows.get(i)[0], rows.get(i)[1], pairs.get(i).bits()));
                }
                continue;
            }
            Look look = looks.get(i).get();
            if (look.alike()) {
                near.add(
                        new Near(
                                rows.get(i)[0],
                                rows.get(i)[1],
                                pairs.get(i).bits(),
                                look.difference(),
                                look.distance()));
            }
        }
        return new NearDuplicates(near, unread, unseen, unmeasured);
    }

    private static long[] hashes(List<SampleRow> rows) {
        return rows.stream().mapToLong(r -> r.hash().orElseThrow()).toArray();
    }

    /** Adds to a withdrawal's entry what was found, or that nobody looked. */
    public static void describe(
            Optional<NearDuplicates> found, Optional<Likeness> likeness, Json.Builder body) {
        List<JsonObject> list = new ArrayList<>();
        found.ifPresent(f ->
                f.near()
                        .forEach(n -> {
                            Json.Builder o =
                                    Json.object()
                                            .put("withdrawn", n.one().sha256())
                                            .put("like", n.other().sha256())
                                            .put("shard_entry", n.other().shard())
                                            .put("bits", n.bits())
                                            .put("difference", decimal(n.difference()));
                            n.distance().ifPresent(d -> o.put("distance", decimal(d)));
                            list.add(o.build());
                        }));
        body.objects(NEAR, list)
                .put(
                        MEASURE,
                        Json.object()
                                .put(
                                        "method",
                                        found.isPresent()
                                                ? likeness.map(Likeness::method).orElse("")
                                                : NOT_LOOKED)
                                .put("unread", found.map(NearDuplicates::unread).orElse(0L))
                                .put("unmeasured", found.map(NearDuplicates::unmeasured).orElse(0L))
                                .build());
    }

    /** The method where there was none. */
    static final String NOT_LOOKED = "not looked for";

    /** Canonical JSON has no fractions. */
    private static String decimal(double d) {
        return String.format(Locale.ROOT, "%.4f", d);
    }

    /** For a certificate, what a withdrawal's entry says; nothing where it says nothing. */
    public static List<JsonObject> of(JsonObject withdrawal, Map<Long, ShardRow> shards) {
        List<JsonObject> list = new ArrayList<>();
        for (JsonObject n : Json.objects(withdrawal, NEAR)) {
            ShardRow s = shards.get(Json.number(n, "shard_entry"));
            list.add(Json.object(n).put("shard", s == null ? "" : s.name()).build());
        }
        return list;
    }

    /** For a certificate: how they were looked for. */
    public static JsonObject measure(JsonObject withdrawal) {
        return withdrawal.fields().get(MEASURE) instanceof JsonObject m
                ? m
                : Json.object().put("method", NOT_LOOKED).build();
    }
}
