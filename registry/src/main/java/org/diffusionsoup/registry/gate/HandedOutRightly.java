package org.diffusionsoup.registry.gate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.gate.Requirement.Audit;
import org.diffusionsoup.registry.gate.Requirement.Named;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.jspecify.annotations.Nullable;

/**
 * Whether publications met what they state was required, told from the signed entries alone: the
 * tables that the {@link Gate} asks may have been altered when one was written by an earlier
 * version. It knows of a soup's own ingredients only, and not of what is behind their base, as what
 * that takes from the store may be gone since: what it finds is wrong, and the gate finds more.
 */
public final class HandedOutRightly {
    private final Queries q;

    /** By the soup that they are of, in their order. */
    private final Map<Long, List<Entry>> evaluations = new HashMap<>();

    private HandedOutRightly(Queries q) {
        this.q = q;
        for (Entry e : q.entries(Kind.EVALUATION)) {
            evaluations
                    .computeIfAbsent(Json.number(e.body(), "soup"), k -> new ArrayList<>())
                    .add(e);
        }
    }

    /** A sentence for each publication that should have been refused, or states too little. */
    public static List<String> wrong(Queries q) {
        List<String> all = new ArrayList<>();
        HandedOutRightly check = new HandedOutRightly(q);
        for (Entry p : q.entries(Kind.PUBLICATION)) {
            for (String s : check.wrong(p)) {
                all.add("ledger entry %d (publication): %s".formatted(p.seq(), s));
            }
        }
        return all;
    }

    private List<String> wrong(Entry p) {
        List<String> wrong = new ArrayList<>();
        List<Long> wanting = new ArrayList<>();
        for (String text : Json.strings(p.body(), "required")) {
            switch (parsed(text)) {
                case Named named -> named(p, named, wrong, wanting);
                case Audit audit -> audit(p, audit, wrong, wanting);
                case null -> {
                    // Earlier versions took names that mean something else by now.
                }
            }
        }
        int overruled = Json.strings(p.body(), "overruled").size();
        if (wanting.size() > overruled) {
            wrong.add(
                    "was handed out though %s %s soup %d wanting, and states %s"
                            .formatted(
                                    Plural.of(wanting.size(), "evaluation")
                                            + " (entry "
                                            + wanting.getFirst()
                                            + (wanting.size() > 1 ? " and others)" : ")"),
                                    wanting.size() > 1 ? "find" : "finds",
                                    Json.number(p.body(), "soup"),
                                    overruled == 0
                                            ? "no overruling"
                                            : "an overruling of only " + overruled));
        }
        return wrong;
    }

    private static @Nullable Requirement parsed(String text) {
        try {
            return Requirement.parse(text);
        } catch (RegistryException e) {
            return null;
        }
    }

    private List<Entry> before(Entry p, String what) {
        return evaluations.getOrDefault(Json.number(p.body(), "soup"), List.of()).stream()
                .filter(e -> e.seq() < p.seq())
                .filter(e -> Json.string(e.body(), "what").equals(what))
                .toList();
    }

    private void named(Entry p, Named required, List<String> wrong, List<Long> wanting) {
        List<Entry> found = before(p, required.what());
        if (found.isEmpty()) {
            wrong.add(
                    "requires evaluation '%s', and before it there is none of soup %d"
                            .formatted(required.what(), Json.number(p.body(), "soup")));
        } else if (!Json.flag(found.getLast().body(), "passed")) {
            wanting.add(found.getLast().seq());
        }
    }

    private void audit(Entry p, Audit required, List<String> wrong, List<Long> wanting) {
        Optional<Entry> soup = q.find(Json.number(p.body(), "soup"));
        if (soup.isEmpty() || soup.get().kind() != Kind.SOUP) {
            return; // which the ledger's check tells
        }
        String checkpoint = Json.string(soup.get().body(), "checkpoint");
        for (String shard : required.shards().isEmpty() ? shards(soup.get()) : required.shards()) {
            List<Entry> counted =
                    before(p, Audit.WHAT).stream()
                            .filter(e -> isOf(result(e), shard, checkpoint))
                            .filter(e -> Json.number(result(e), "pictures") >= required.pictures())
                            .toList();
            if (counted.isEmpty()) {
                wrong.add(
                        "requires an audit of shard %s with at least %d pictures, and before it there is none of soup %d"
                                .formatted(shard, required.pictures(), soup.get().seq()));
            }
            counted.stream()
                    .filter(e ->
                            Audit.upper(
                                            Json.number(result(e), "near_copies"),
                                            Json.number(result(e), "pictures"))
                                    > required.bound())
                    .forEach(e -> wanting.add(e.seq()));
        }
    }

    /** Names of the shards that a soup's ingredients were trained on. */
    private TreeSet<String> shards(Entry soup) {
        TreeSet<String> names = new TreeSet<>();
        for (JsonObject m : Json.objects(soup.body(), "ingredients")) {
            JsonObject ingredient = q.entry(Json.number(m, "entry")).body();
            for (long s : Json.numbers(ingredient, "shards")) {
                names.add(Json.string(q.entry(s).body(), "name"));
            }
        }
        return names;
    }

    private static JsonObject result(Entry evaluation) {
        return Json.object(evaluation.body(), "result");
    }

    private static boolean isOf(JsonObject result, String shard, String checkpoint) {
        return result.string("shard").filter(shard::equals).isPresent()
                && Json.flag(result, "own_sampling")
                && result.string("checkpoint").filter(checkpoint::equals).isPresent();
    }
}
