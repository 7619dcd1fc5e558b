package org.diffusionsoup.registry.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.gate.Requirement.Audit;
import org.diffusionsoup.registry.gate.Requirement.Named;
import org.diffusionsoup.registry.gate.Requirement.Shortfall;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.EvaluationRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Descent;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.jspecify.annotations.Nullable;

/** Holds what is recorded of one version of a soup against what is required of it. */
public final class Gate {
    private final Queries queries;
    private final SoupRow soup;
    private final WeightStore store;
    private @Nullable Descent descent;

    /**
     * @param store where it is looked up what the soup was made of, if a requirement asks for that
     */
    public Gate(Queries queries, SoupRow soup, WeightStore store) {
        this.queries = queries;
        this.soup = soup;
        this.store = store;
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
        for (String shard : of(wanted)) {
            all.addAll(audit(shard, wanted));
        }
        return all;
    }

    /**
     * Names of the shards that the soup's ingredients were trained on, and of those behind the base
     * that they were trained from.
     */
    private Set<String> shards() {
        Set<Long> ids = behind();
        Set<String> names = new TreeSet<>();
        for (ShardRow s : queries.shards()) {
            if (ids.contains(s.id())) {
                names.add(s.name());
            }
        }
        return names;
    }

    /** Whether a shard is one of them. */
    public boolean has(String shard) {
        return shards().contains(shard);
    }

    private Set<Long> behind() {
        Descent known = descent;
        if (known == null) {
            known = DescentLinks.ofLive(queries, store);
            descent = known;
        }
        return known.behind(List.of(soup.id()));
    }

    /**
     * By what texts rows are drawn, held against those that the soup's ingredients, and those
     * behind its base, were trained by, as their recipes name them: keys, captions, providers,
     * licences and pictures of all rows.
     *
     * @param shard the name of a recorded shard whose pictures these rows have
     * @param sha256 of the rows ({@code Shard.sha256})
     */
    public DrawnTexts texts(String shard, String sha256) {
        List<TrainedTexts.Known> known = trained(shard).known();
        if (known.isEmpty()) {
            return DrawnTexts.UNKNOWN;
        }
        return known.stream().anyMatch(k -> k.hashes().contains(sha256))
                ? DrawnTexts.RECORDED
                : DrawnTexts.OTHER;
    }

    private TrainedTexts trained(String shard) {
        return TrainedTexts.of(queries, Names.shard(queries, shard), behind());
    }

    /** Audits of a shard that rest on enough pictures. */
    private List<EvaluationRow> counted(String shard, Audit wanted) {
        return evaluations(Audit.WHAT).stream()
                .filter(e -> isOf(result(e), shard))
                .filter(e -> Json.number(result(e), "pictures") >= wanted.pictures())
                .toList();
    }

    private JsonObject result(EvaluationRow e) {
        return Json.object(queries.entry(e.id()).body(), "result");
    }

    private List<Shortfall> audit(String shard, Audit wanted) {
        List<EvaluationRow> counted = counted(shard, wanted);
        if (counted.isEmpty()) {
            return List.of(
                    new Shortfall(
                            "has no audit of shard %s with at least %d pictures in the model's own sampling (make one with 'soup audit `soup` %s `shard` %s `pictures` %d `judge` DIR `reference` REAL', where DIR is a CLIP and REAL real pictures of other subjects or by others)"
                                    .formatted(
                                            shard,
                                            wanted.pictures(),
                                            soup.name(),
                                            shard,
                                            wanted.pictures()),
                            false));
        }
        List<Shortfall> failed = new ArrayList<>();
        for (EvaluationRow e : counted) {
            long copies = Json.number(result(e), "near_copies");
            long pictures = Json.number(result(e), "pictures");
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
        for (TrainedTexts.Known k : trained(shard).required()) {
            List<EvaluationRow> by = counted.stream().filter(e -> k.admits(result(e))).toList();
            if (by.isEmpty()) {
                failed.add(new Shortfall(byOthers(shard, k, counted.getLast()), true));
            } else if (by.stream().allMatch(e -> isWeak(result(e)))) {
                // One whose passing means little neither passes nor undoes another.
                failed.add(new Shortfall(weak(shard, by.getLast()), true));
            }
        }
        return failed.stream().distinct().toList();
    }

    private String byOthers(String shard, TrainedTexts.Known wanted, EvaluationRow e) {
        return "has no audit of shard %s by the texts that %s: entry %d drew by others; make one with the very data as `shard`"
                .formatted(shard, wanted.whose(), e.id());
    }

    private static boolean isWeak(JsonObject result) {
        return states(result) && !Json.flag(result, Audit.MEANINGFUL);
    }

    private static boolean states(JsonObject result) {
        return result.get(Audit.MEANINGFUL).isPresent();
    }

    private String weak(String shard, EvaluationRow e) {
        JsonObject result = result(e);
        JsonObject reference = Json.object(result, Audit.REFERENCE);
        return "has an audit of shard %s whose passing means little (entry %d): by its reference, %s, a near copy would have to be closer than %s, where those pictures usually keep %s; make one with real pictures of another source or of other subjects as the reference"
                .formatted(
                        shard,
                        e.id(),
                        Json.string(reference, "name"),
                        rounded(Json.string(result, "threshold")),
                        rounded(Json.string(reference, Audit.TYPICAL)));
    }

    /** A distance as an audit prints it. */
    private static String rounded(String distance) {
        return String.format(Locale.ROOT, "%.4f", Double.parseDouble(distance));
    }

    /**
     * What a requirement is met by without being told all that it rests on: audits of earlier
     * versions, which do not state their reference, and those of which nobody knows whether they
     * drew by the texts that were learnt; a sentence each.
     */
    public List<String> unstated(Requirement requirement) {
        List<String> said = new ArrayList<>();
        if (requirement instanceof Audit wanted) {
            for (String shard : of(wanted)) {
                List<EvaluationRow> counted = counted(shard, wanted);
                if (!counted.isEmpty()
                        && counted.stream()
                                .noneMatch(e ->
                                        states(result(e))
                                                && Json.flag(result(e), Audit.MEANINGFUL))) {
                    counted.stream()
                            .filter(e -> !states(result(e)))
                            .findFirst()
                            .ifPresent(e ->
                                    said.add(
                                            "The audit of shard %s (entry %d) was recorded by an earlier version and states neither its reference nor whether passing it means anything; 'soup audit' makes one that does."
                                                    .formatted(shard, e.id())));
                }
                said.addAll(untold(shard, counted));
            }
        }
        return said;
    }

    /** Audits of which nobody knows whether they drew by the texts that were learnt. */
    private List<String> untold(String shard, List<EvaluationRow> counted) {
        if (counted.isEmpty()
                || counted.stream().anyMatch(e -> DrawnTexts.RECORDED.isOf(result(e)))) {
            return List.of();
        }
        List<String> unknown = trained(shard).unknown();
        if (unknown.isEmpty() && DrawnTexts.UNKNOWN.isOf(result(counted.getLast()))) {
            unknown = List.of("shard '" + shard + "' was recorded with");
        }
        return unknown.stream()
                .map(whose ->
                        "Which texts %s is not recorded in full: whether the audit of shard %s (entry %d) drew by those is not known."
                                .formatted(whose, shard, counted.getLast().id()))
                .toList();
    }

    private Set<String> of(Audit wanted) {
        return wanted.shards().isEmpty() ? shards() : new TreeSet<>(wanted.shards());
    }

    private boolean isOf(JsonObject result, String shard) {
        return result.fields().containsKey("shard")
                && result.fields().containsKey("own_sampling")
                && Json.string(result, "shard").equals(shard)
                && Json.flag(result, "own_sampling")
                && Json.string(result, "checkpoint").equals(soup.checkpoint());
    }
}
