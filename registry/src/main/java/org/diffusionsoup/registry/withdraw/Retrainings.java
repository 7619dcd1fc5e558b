package org.diffusionsoup.registry.withdraw;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.arrival.Arrivals;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Retrainer;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Retraining;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Trained;

/** Trains ingredients again that have to do without some pictures, and stores their weights. */
final class Retrainings {
    private final Context context;
    private final WeightStore store;
    private final Retrainer retrainer;
    private final WeightStore.Session session;

    Retrainings(Context context, Retrainer retrainer, WeightStore.Session session) {
        this.context = context;
        this.store = context.store();
        this.retrainer = retrainer;
        this.session = session;
    }

    /**
     * An ingredient that takes the place of one that leaves.
     *
     * @param checkpoint in the store
     * @param contents by what recipes will name it
     */
    record Retrained(NewIngredient ingredient, String checkpoint, SortedSet<String> contents) {}

    private record Facts(
            BaseRow base, List<WithdrawRequest.Data> data, JsonObject recipe, Set<String> without) {
        List<String> shards() {
            return data.stream().map(WithdrawRequest.Data::shard).toList();
        }
    }

    /** Those that take the places of what the plan trains again, by the entries of the latter. */
    Map<Long, Retrained> all(Plan plan) {
        Map<Long, Retrained> done = new LinkedHashMap<>();
        Set<String> without =
                new TreeSet<>(plan.samples().stream().map(SampleRow::sha256).toList());
        plan.retrained().forEach(this::check); // before hours are spent on the first
        Map<IngredientRow, Facts> known = new LinkedHashMap<>();
        plan.retrained().forEach(i -> known.put(i, context.read(q -> facts(q, i, without))));
        known.forEach((i, facts) -> retrainer.check(retraining(i, facts)));
        known.forEach((i, facts) -> done.put(i.id(), retrain(i, facts)));
        return done;
    }

    /** Its base and all of its shards may be used still. */
    private void check(IngredientRow i) {
        context.read(q -> {
            try {
                q.shards().stream()
                        .filter(s -> i.shards().contains(s.id()))
                        .forEach(s -> context.shards().named(q, s.name()));
                q.bases().stream()
                        .filter(b -> b.id() == i.base())
                        .forEach(b -> context.shards().base(q, b.name()));
                return true;
            } catch (RegistryException e) {
                throw new RegistryException(
                        "Ingredient '"
                                + i.name()
                                + "' cannot be trained again, and nothing was withdrawn: "
                                + e.getMessage(),
                        e);
            }
        });
    }

    private static Facts facts(Queries q, IngredientRow i, Set<String> without) {
        BaseRow base = q.bases().stream().filter(b -> b.id() == i.base()).findFirst().orElseThrow();
        List<ShardRow> shards =
                q.shards().stream().filter(s -> i.shards().contains(s.id())).toList();
        Set<String> out = new TreeSet<>(without);
        // Pictures that left these shards before stay out.
        shards.forEach(s ->
                q.samples(s.id()).stream()
                        .filter(x -> x.withdrawn().isPresent())
                        .forEach(x -> out.add(x.sha256())));
        return new Facts(
                base, shards.stream().map(s -> data(q, i, s)).toList(), q.recipe(i.id()), out);
    }

    private static WithdrawRequest.Data data(Queries q, IngredientRow i, ShardRow s) {
        Set<String> lost = new TreeSet<>();
        for (SampleRow x : q.samples(s.id())) {
            if (x.withdrawn().isPresent() && x.withdrawn().get() < i.id()) {
                lost.add(x.sha256());
            }
        }
        return new WithdrawRequest.Data(
                s.name(), s.source(), s.root(), q.textsSha256(s.id()), lost);
    }

    private Retraining retraining(IngredientRow i, Facts facts) {
        Path folder = session.work().resolve("retrain-" + i.id());
        boolean whole = store.manifest(facts.base().checkpoint()).folder();
        return new Retraining(
                i.name(),
                folder.resolve("base"),
                facts.data(),
                facts.without(),
                facts.recipe(),
                // Training is told by what its output is called.
                folder.resolve("trained")
                        .resolve(
                                i.name().replaceFirst("\\.safetensors$", "")
                                        + (whole ? "" : ".safetensors")));
    }

    private Retrained retrain(IngredientRow i, Facts facts) {
        Retraining what = retraining(i, facts);
        store.rebuild(facts.base().checkpoint(), what.base());
        Path out = what.out();
        Trained trained = retrainer.retrain(what);
        NewIngredient n =
                new NewIngredient(
                        i.name(),
                        facts.base().name(),
                        facts.shards(),
                        out,
                        trained.recipe(),
                        SoupVersion.current(),
                        trained.on());
        String made = store.put(out);
        return new Retrained(n, made, Arrivals.contents(store, made, facts.base()));
    }
}
