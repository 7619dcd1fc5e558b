package org.diffusionsoup.registry.context;

import java.time.LocalDate;
import java.util.List;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/** Which shards may be used today. */
public final class UsableShards {
    private final Calendar calendar;

    UsableShards(Calendar calendar) {
        this.calendar = calendar;
    }

    /**
     * A shard that is neither unknown, withdrawn nor expired.
     *
     * @throws RegistryException saying which it is
     */
    public ShardRow named(Queries q, String name) {
        ShardRow s = Names.shard(q, name);
        check(s);
        for (Entry w : q.entries(Kind.WITHDRAWAL)) { // a table may have been altered
            if (Json.numbers(w.body(), "shards").contains(s.id())) {
                throw new RegistryException(
                        "Shard '"
                                + s.name()
                                + "' was withdrawn by entry "
                                + w.seq()
                                + ", though the ledger's tables do not say so; see 'soup fsck'.");
            }
        }
        return s;
    }

    /**
     * Refuses one that is withdrawn or expired.
     *
     * @throws RegistryException saying which it is
     */
    public void check(ShardRow s) {
        if (s.withdrawn().isPresent()) {
            throw new RegistryException(
                    "Shard '" + s.name() + "' was withdrawn (entry " + s.withdrawn().get() + ").");
        }
        if (isExpired(s)) {
            throw new RegistryException(
                    "Shard '"
                            + s.name()
                            + "' expired on "
                            + s.expires().orElse("")
                            + "; 'soup expire' takes it out.");
        }
    }

    /** Names of live ones whose last day is over. */
    public List<String> expired(Queries q) {
        return q.shards().stream()
                .filter(s -> s.withdrawn().isEmpty() && isExpired(s))
                .map(ShardRow::name)
                .toList();
    }

    private boolean isExpired(ShardRow s) {
        return s.expires().isPresent()
                && LocalDate.parse(s.expires().get()).isBefore(calendar.today());
    }
}
