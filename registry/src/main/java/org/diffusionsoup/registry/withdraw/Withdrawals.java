package org.diffusionsoup.registry.withdraw;

import java.nio.file.Path;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.certificate.Certificates;
import org.diffusionsoup.registry.certificate.StoredCertificates;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.release.HandedOutWeights;
import org.diffusionsoup.registry.release.NeededWeights;
import org.diffusionsoup.registry.soup.Attempts;
import org.diffusionsoup.registry.soup.Attempts.Overtaken;
import org.diffusionsoup.registry.store.StoreFinding;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.withdraw.Withdrawn.HandedOut;

/**
 * Takes data out with everything made of it. The new soups are made first; then one transaction
 * marks what leaves and names what replaces it, and only then are weights deleted. Killed before
 * the transaction, nothing has happened; after it, the rest is garbage for the collector.
 */
public final class Withdrawals {
    private final Context context;
    private final WeightStore store;

    public Withdrawals(Context context) {
        this.context = context;
        this.store = context.store();
    }

    /**
     * Takes shards or samples out.
     *
     * @throws RegistryException if something named is unknown or already out, or a selection would
     *     have to be run again and cannot be
     */
    public Withdrawn withdraw(WithdrawRequest request) {
        if (request.reason().isBlank()) {
            throw new RegistryException("A withdrawal states a reason (`reason`).");
        }
        long start = System.nanoTime();
        // Overtaken by a soup that was made with this data meanwhile: it has to go, too.
        return Attempts.at(String.join(", ", request.shards()), () -> once(request, start));
    }

    private Withdrawn once(WithdrawRequest request, long start) {
        Plan plan;
        boolean there;
        long making;
        Recorded recorded;
        List<Long> before = context.read(Queries::withdrawals);
        try (WeightStore.Session session = store.open()) {
            plan = context.read(q -> Planner.plan(q, request, store));
            if (plan.isBeyondWhatWasNamed()) {
                request.consent().ask(plan.all());
            }
            there = plan.isIn(store);
            long begin = System.nanoTime();
            Replacements made = Replacements.make(context, request, plan, session);
            making = System.nanoTime() - begin;
            AlikePictures alike = AlikePictures.look(context, request.likeness(), plan);
            recorded = record(request, plan, made, alike);
        } catch (SoupException e) {
            boolean ofDisk = e instanceof SoupIoException || e.getCause() instanceof SQLException;
            throw ofDisk && isNoneSince(before) ? unfinished(e) : e;
        }
        Deleted deleted = certifyAndDelete(recorded);
        long weights = making + deleted.nanos();
        long total = System.nanoTime() - start;
        return new Withdrawn(
                recorded.entry(),
                plan.shards().stream().map(ShardRow::name).toList(),
                plan.samples().size(),
                plan.before(),
                plan.gone().stream().map(IngredientRow::name).toList(),
                plan.retrained().stream().map(IngredientRow::name).toList(),
                plan.all(),
                samePictures(recorded.entry()),
                plan.soups(),
                recorded.soups(),
                emptied(plan, recorded.soups()),
                lacking(),
                plan.weights().unknown(),
                retired(plan),
                plan.bases().stream().map(BaseRow::name).toList(),
                recorded.publications(),
                deleted.bytes(),
                there && deleted.bytes() == 0,
                deleted.certificate(),
                weights / 1e9,
                (total - weights) / 1e9);
    }

    private boolean isNoneSince(List<Long> before) {
        try {
            return context.read(Queries::withdrawals).equals(before);
        } catch (SoupException e) {
            return false; // nobody knows
        }
    }

    private RegistryException unfinished(SoupException e) {
        return new RegistryException(
                e.getMessage()
                        + " Nothing was withdrawn. What is made instead of what leaves needs room"
                        + " beside it, which is deleted last: make room for "
                        + context.place().folder()
                        + ", or mend what is said, and give the same command again.",
                e);
    }

    /**
     * What the ledger has of it.
     *
     * @param entry its number
     * @param soups made instead
     * @param certificate of that moment
     */
    private record Recorded(
            long entry,
            List<HandedOut> publications,
            List<SoupRow> soups,
            JsonObject certificate) {}

    /** In one transaction: nothing changed since, what leaves is marked, what replaces it named. */
    private Recorded record(
            WithdrawRequest request, Plan plan, Replacements made, AlikePictures alike) {
        return context.ledger()
                .write(t -> {
                    Plan now = Planner.plan(t, request, plan);
                    if (!now.isStill(plan) || !alike.isOfAllShards(t)) {
                        throw new Overtaken();
                    }
                    made.checkLive(t);
                    JsonObject body =
                            WithdrawalEntry.body(t, request, now, made.checkpoints(), alike);
                    long entry = t.append(Kind.WITHDRAWAL, body).seq();
                    List<SoupRow> soups = made.append(t, context, entry);
                    return new Recorded(
                            entry,
                            now.publications(),
                            soups,
                            new Certificates(context).issue(t, entry));
                });
    }

    /**
     * What was deleted.
     *
     * @param certificate that says so
     * @param nanos spent on deleting
     */
    private record Deleted(Path certificate, long bytes, long nanos) {}

    private Deleted certifyAndDelete(Recorded recorded) {
        long entry = recorded.entry();
        try {
            // Before weights are deleted: it is what tells others why they are gone.
            Path certificate = new StoredCertificates(context).save(entry, recorded.certificate());
            long begin = System.nanoTime();
            long freed = new HandedOutWeights(context).collectWithdrawn();
            return new Deleted(certificate, freed, System.nanoTime() - begin);
        } catch (SoupException e) {
            throw new RegistryException(
                    "It is withdrawn, by entry "
                            + entry
                            + ", but then: "
                            + e.getMessage()
                            + " Once that is mended, 'soup gc' deletes the weights and keeps the"
                            + " certificate, and 'soup certificate "
                            + entry
                            + " `out` FILE' writes it.",
                    e);
        }
    }

    /** Current soups that have no next version. */
    private static List<SoupRow> emptied(Plan plan, List<SoupRow> made) {
        Set<String> names = made.stream().map(SoupRow::name).collect(Collectors.toSet());
        return plan.soups().stream()
                .filter(s -> s.isCurrent() && !names.contains(s.name()))
                .toList();
    }

    /**
     * What is missing, or of another size, of the ingredients of current soups: a sum that was kept
     * gives a soup without reading them.
     */
    private List<String> lacking() {
        TreeMap<String, String> members = new TreeMap<>();
        context.read(q -> {
            q.soups().stream()
                    .filter(SoupRow::isCurrent)
                    .flatMap(s -> s.members().stream())
                    .map(m -> q.ingredient(m.ingredient()).orElseThrow())
                    .forEach(i -> members.put(i.checkpoint(), "ingredient " + i.name()));
            return true;
        });
        return store.lacking(members).stream().map(StoreFinding::sentence).toList();
    }

    /** Members of soups that left, which were retired and are in the store still. */
    private List<IngredientRow> retired(Plan plan) {
        Set<Long> members =
                plan.soups().stream()
                        .flatMap(s -> s.members().stream())
                        .map(Member::ingredient)
                        .collect(Collectors.toSet());
        return context.read(NeededWeights::retired).stream()
                .filter(i -> members.contains(i.id()) && store.has(i.checkpoint()))
                .toList();
    }

    /** Live shards that hold the same pictures, with how many. */
    private SequencedMap<String, Integer> samePictures(long entry) {
        return context.read(q -> {
            Map<Long, ShardRow> shards = new HashMap<>();
            q.shards().forEach(s -> shards.put(s.id(), s));
            SequencedMap<String, Integer> counts = new LinkedHashMap<>();
            for (JsonObject c : Certificates.copies(q, q.entry(entry), shards)) {
                counts.put(Json.string(c, "shard"), Json.strings(c, "sha256").size());
            }
            return counts;
        });
    }
}
