package org.diffusionsoup.workbench.train;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;

/** What a run trains on. */
final class TrainingShards {
    private TrainingShards() {}

    /**
     * The training rows of a run's shards, called as the run calls them.
     *
     * @throws SoupException if a shard cannot be read, has no training rows or comes twice
     */
    static List<Shard> open(FineTuneRequest request) {
        List<Shard> shards = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (String ref : request.shards()) {
            Shard s = ShardRef.parse(ref).open().train();
            if (!seen.add(s.sha256())) {
                throw new SoupException(
                        "shard " + ref + " is given twice: its pictures would count double.");
            }
            if (s.size() == 0) {
                throw new SoupException(
                        "shard " + ref + " has no training rows; choose another `shard`.");
            }
            List<String> names = request.names();
            shards.add(names.isEmpty() ? s : s.named(names.get(shards.size())));
        }
        return List.copyOf(shards);
    }
}
