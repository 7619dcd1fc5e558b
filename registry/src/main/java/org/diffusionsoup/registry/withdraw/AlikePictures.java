package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.near.Likeness;
import org.diffusionsoup.registry.near.NearDuplicates;

/**
 * Pictures that stay and look like those that leave.
 *
 * @param found empty if nobody looked
 * @param newestShard until which shard was looked at
 */
record AlikePictures(Optional<NearDuplicates> found, long newestShard) {
    private record Pictures(
            List<SampleRow> gone,
            List<SampleRow> rest,
            Map<Long, String> sources,
            long newestShard) {}

    /** Looks for them, if somebody is there to look. */
    static AlikePictures look(Context context, Optional<Likeness> likeness, Plan plan) {
        if (likeness.isEmpty()) {
            return new AlikePictures(Optional.empty(), context.read(AlikePictures::newestShard));
        }
        Pictures p = context.ledger().readToSign(q -> pictures(q, plan));
        NearDuplicates near =
                NearDuplicates.between(
                        p.gone(), p.rest(), id -> p.sources().getOrDefault(id, ""), likeness.get());
        return new AlikePictures(Optional.of(near), p.newestShard());
    }

    private static Pictures pictures(Queries q, Plan plan) {
        List<SampleRow> gone = new ArrayList<>(plan.samples());
        plan.shards().forEach(s -> gone.addAll(q.samples(s.id())));
        record Key(long shard, String sha256) {}
        Set<Key> out = new HashSet<>();
        gone.forEach(s -> out.add(new Key(s.shard(), s.sha256())));
        Map<Long, String> sources = new HashMap<>();
        q.shards().forEach(s -> sources.put(s.id(), s.source()));
        List<SampleRow> rest =
                q.fingerprinted().stream()
                        .filter(s -> !out.contains(new Key(s.shard(), s.sha256())))
                        .toList();
        return new Pictures(gone, rest, sources, newestShard(q));
    }

    /** Whether no shard came since. */
    boolean isOfAllShards(Queries q) {
        return newestShard(q) == newestShard;
    }

    private static long newestShard(Queries q) {
        return q.shards().stream().mapToLong(ShardRow::id).max().orElse(0);
    }
}
