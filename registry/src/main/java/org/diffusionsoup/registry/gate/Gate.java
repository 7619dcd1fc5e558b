package org.diffusionsoup.registry.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.gate.Requirement.Audit;
import org.diffusionsoup.registry.gate.Requirement.Named;
import org.diffusionsoup.registry.gate.Requirement.Shortfall;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.EvaluationRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/** Holds what is recorded of one version of a soup against what is required of it. */
public final class Gate {
    private final Queries queries;
    private final SoupRow soup;

    public Gate(Queries queries, SoupRow soup) {
        this.queries = queries;
        this.soup = soup;
    }

    /** What is missing or failed; empty where the requirement is met. */
    public List<Shortfall> check(Requirement requirement) {
        return switch (requirement) {
            case Named named -> named(named.what());
            case Audit audit -> audits(audit);
        };
    }

    private List<Shortfall> named(String what) {
        List<EvaluationRow> found = evaluations(what);
        if (found.isEmpty()) {
            return List.of(
                    new Shortfall(
                            "has no evaluation '"
                                    + what
                                    + "' (record one with 'soup evaluation add')",
                            false));
        }
        return found.getLast().passed()
                ? List.of()
                : List.of(new Shortfall("did not pass its last evaluation '" + what + "'", true));
    }

    private List<EvaluationRow> evaluations(String what) {
        return queries.evaluations(soup.id()).stream().filter(e -> e.what().equals(what)).toList();
    }

    private List<Shortfall> audits(Audit wanted) {
        Set<String> own = shards();
        for (String name : wanted.shards()) {
            if (!own.contains(name)) {
                throw new RegistryException(
                        "Soup "
                                + soup.label()
                                + " was not trained on a shard '"
                                + name
                                + "'; it has "
                                + String.join(", ", own)
                                + ".");
            }
        }
        List<Shortfall> all = new ArrayList<>();
        for (String shard : wanted.shards().isEmpty() ? own : Set.copyOf(wanted.shards())) {
            all.addAll(audit(shard, wanted));
        }
        return all;
    }

    /** Names of the shards that the soup's ingredients were trained on. */
    private Set<String> shards() {
        Set<Long> ids = new TreeSet<>();
        soup.members()
                .forEach(m ->
                        queries.ingredient(m.ingredient())
                                .map(IngredientRow::shards)
                                .ifPresent(ids::addAll));
        Set<String> names = new TreeSet<>();
        for (ShardRow s : queries.shards()) {
            if (ids.contains(s.id())) {
                names.add(s.name());
            }
        }
        return names;
    }

    private List<Shortfall> audit(String shard, Audit wanted) {
        int counted = 0;
        List<Shortfall> failed = new ArrayList<>();
        for (EvaluationRow e : evaluations(Audit.WHAT)) {
            JsonObject r = Json.object(queries.entry(e.id()).body(), "result");
            // Before shards were named, and by hand, anything could be called an audit.
            if (!isOf(r, shard) || Json.number(r, "pictures") < wanted.pictures()) {
                continue;
            }
            counted++;
            long copies = Json.number(r, "near_copies");
            long pictures = Json.number(r, "pictures");
            double upper = Audit.upper(copies, pictures);
            if (upper > wanted.bound()) {
                failed.add(
                        new Shortfall(
                                String.format(
                                        Locale.ROOT,
                                        "drew %s of shard %s among %s (entry %d), so that the rate may be %.4f",
                                        Plural.of(copies, "near copy", "near copies"),
                                        shard,
                                        Plural.of(pictures, "picture"),
                                        e.id(),
                                        upper),
                                true));
            }
        }
        return counted > 0
                ? failed
                : List.of(
                        new Shortfall(
                                "has no audit of shard %s with at least %d pictures in the model's own sampling (make one with 'soup audit `soup` %s `shard` %s `pictures` %d')"
                                        .formatted(
                                                shard,
                                                wanted.pictures(),
                                                soup.name(),
                                                shard,
                                                wanted.pictures()),
                                false));
    }

    private boolean isOf(JsonObject result, String shard) {
        return result.fields().containsKey("shard")
                && result.fields().containsKey("own_sampling")
                && Json.string(result, "shard").equals(shard)
                && Json.flag(result, "own_sampling")
                && Json.string(result, "checkpoint").equals(soup.checkpoint());
    }
}
