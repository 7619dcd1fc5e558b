package org.diffusionsoup.registry.arrival;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/** How shards come into a registry. */
public final class ShardArrivals {
    private final Context context;

    public ShardArrivals(Context context) {
        this.context = context;
    }

    /**
     * Records a shard.
     *
     * @throws RegistryException if the name was ever used, or the shard expired already
     */
    public AddedShard add(NewShard n) {
        return context.ledger()
                .write(t -> {
                    refuseExpired(t, n);
                    return append(t, n);
                });
    }

    /**
     * Records shards that belong together: all of them, or none. Those that are recorded already
     * ({@link NewShard#isRecorded}) are left as they are.
     *
     * @throws RegistryException as {@link #add} does for each of the others
     */
    public List<AddedShard> addAll(List<NewShard> shards) {
        boolean nothingNew =
                context.read(q -> {
                    shards.forEach(n -> refuseExpired(q, n));
                    return shards.stream().allMatch(n -> n.isRecorded(q));
                });
        return nothingNew
                ? context.read(q -> shards.stream().map(n -> recorded(q, n)).toList())
                : context.ledger()
                        .write(t ->
                                shards.stream()
                                        .map(n -> n.isRecorded(t) ? recorded(t, n) : append(t, n))
                                        .toList());
    }

    private static AddedShard recorded(Queries q, NewShard n) {
        ShardRow is = q.shard(n.name()).orElseThrow();
        return new AddedShard(is, q.copiesOf(is.id()));
    }

    private AddedShard append(Ledger.Transaction t, NewShard n) {
        Names.checkNewShard(t, n.name());
        Set<String> hashes = new LinkedHashSet<>();
        List<String> manifest = new ArrayList<>();
        n.samples().stream()
                .sorted(java.util.Comparator.comparing(NewShard.Sample::sha256))
                .forEach(s -> {
                    if (hashes.add(s.sha256())) {
                        manifest.add((s.sha256() + " " + s.fingerprint()).strip());
                    }
                });
        Json.Builder body =
                Json.object()
                        .put("name", n.name())
                        .put("provider", n.provider())
                        .put("licence", n.licence())
                        .put("uses", n.uses())
                        .put("source", n.source())
                        .put("root", Merkle.root(hashes))
                        .put("samples", hashes.size())
                        .strings("manifest", manifest);
        n.expires().ifPresent(d -> body.put("expires", d.toString()));
        n.textsSha256().ifPresent(r -> body.put(Queries.TEXTS_SHA256, r));
        readmit(t, n, hashes, body);
        JsonObject whole = body.build();
        long id = t.append(Kind.SHARD, whole).seq();
        return new AddedShard(t.shard(n.name()).orElseThrow(), t.copiesOf(id));
    }

    /**
     * Refuses a shard that {@link #add} would refuse, and records nothing.
     *
     * @param n whose samples need no fingerprints: what takes long is done for a shard that comes
     *     in
     * @throws RegistryException as {@link #add} does
     */
    public void check(NewShard n) {
        context.read(q -> {
            refuseExpired(q, n);
            Names.checkNewShard(q, n.name());
            readmit(q, n, n.hashes(), Json.object());
            return true;
        });
    }

    private void refuseExpired(Queries q, NewShard n) {
        if (n.expires().isPresent() && n.expires().get().isBefore(context.calendar().today(q))) {
            throw new RegistryException(
                    "Shard " + n.name() + " expired on " + n.expires().get() + " already.");
        }
    }

    /** What is to leave with the next 'soup expire' is not recorded anew without a word. */
    private void refuseOver(Queries q, NewShard n, Set<String> hashes) {
        if (n.readmission().isPresent()) {
            return;
        }
        for (ShardRow over : context.shards().over(q)) {
            long same =
                    q.samples(over.id()).stream()
                            .filter(s -> s.withdrawn().isEmpty() && hashes.contains(s.sha256()))
                            .count();
            if (same > 0) {
                throw new RegistryException(
                        Plural.of(same, "picture")
                                + " of shard "
                                + n.name()
                                + (same == 1 ? " is" : " are")
                                + " of shard "
                                + over.name()
                                + ", too, whose last day, "
                                + over.expires().orElseThrow()
                                + ", is over; leave them out, or, if it was agreed anew that they may"
                                + " be used, say so in words for the ledger (`readmit`).");
            }
        }
    }

    /** Pictures that were withdrawn come back only where it is said why they may. */
    private void readmit(Queries q, NewShard n, Set<String> hashes, Json.Builder body) {
        refuseOver(q, n, hashes);
        List<SampleRow> gone = q.withdrawnSamples(hashes);
        if (gone.isEmpty() && n.readmission().isEmpty()) {
            return;
        }
        java.util.TreeSet<Long> entries = new java.util.TreeSet<>();
        java.util.TreeSet<String> pictures = new java.util.TreeSet<>();
        // A picture may have left several shards; what is said of it is the last time.
        Map<String, Long> last = new java.util.TreeMap<>();
        gone.forEach(s -> {
            s.withdrawn()
                    .ifPresent(w -> {
                        entries.add(w);
                        last.merge(s.sha256(), w, Math::max);
                    });
            pictures.add(s.sha256());
        });
        java.util.TreeMap<Long, List<String>> by = new java.util.TreeMap<>();
        last.forEach((sha, w) -> by.computeIfAbsent(w, k -> new ArrayList<>()).add(sha));
        List<String> when = new ArrayList<>();
        by.descendingMap()
                .forEach((w, some) ->
                        when.add(
                                "entry "
                                        + w
                                        + ", '"
                                        + Json.string(q.entry(w).body(), "reason")
                                        + "': "
                                        + (by.size() == 1 ? "" : some.size() + " of them, ")
                                        + "the first is "
                                        + some.getFirst()));
        if (n.readmission().isEmpty()) {
            throw new RegistryException(
                    pictures.size()
                            + " of the "
                            + Plural.of(hashes.size(), "picture")
                            + " of shard "
                            + n.name()
                            + (pictures.size() == 1 ? " was" : " were")
                            + " withdrawn before ("
                            + String.join("; ", when)
                            + "); leave them out, or, if it was agreed anew that they may be used,"
                            + " say so in words for the ledger (`readmit`).");
        }
        body.put(
                "readmitted",
                Json.object()
                        .put("agreement", n.readmission().get())
                        .put("pictures", pictures.size())
                        .numbers("withdrawals", entries)
                        .build());
    }
}
