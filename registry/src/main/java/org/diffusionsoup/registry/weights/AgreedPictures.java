package org.diffusionsoup.registry.weights;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;

/** Pictures that something was trained on, and those that are live in named shards. */
final class AgreedPictures {
    private AgreedPictures() {}

    /** SHA-256 of the pictures that shards still had when an entry was recorded. */
    static Set<String> asOf(Queries q, Collection<Long> shards, long entry) {
        Set<String> pictures = new HashSet<>();
        for (long shard : shards) {
            for (SampleRow s : q.samples(shard)) {
                if (s.withdrawn().isEmpty() || s.withdrawn().get() > entry) {
                    pictures.add(s.sha256());
                }
            }
        }
        return pictures;
    }

    /** SHA-256 of the pictures of shards that are withdrawn neither singly nor with the shard. */
    static Set<String> live(Queries q, Collection<Long> shards) {
        Set<String> pictures = new HashSet<>();
        q.shards().stream()
                .filter(s -> s.withdrawn().isEmpty() && shards.contains(s.id()))
                .flatMap(s -> q.samples(s.id()).stream())
                .filter(s -> s.withdrawn().isEmpty())
                .forEach(s -> pictures.add(s.sha256()));
        return pictures;
    }

    /**
     * Those of some shards without which others cannot stand for them: not among the others, and
     * with a picture that is not live in those.
     *
     * @param entry by when the pictures are those of the shard
     */
    static Set<Long> missing(
            Queries q, Collection<Long> of, long entry, Collection<Long> otherShards) {
        Set<Long> missing = new java.util.LinkedHashSet<>(of);
        missing.removeAll(Set.copyOf(otherShards));
        if (!missing.isEmpty()) {
            Set<String> live = live(q, otherShards);
            missing.removeIf(shard -> {
                Set<String> needed = asOf(q, Set.of(shard), entry);
                return !needed.isEmpty() && live.containsAll(needed);
            });
        }
        return missing;
    }
}
