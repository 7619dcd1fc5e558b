package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/**
 * Data by the hashes that recipes name it by, and whose shards' it is, as the recipes of recorded
 * ingredients tell together with the shards that the ledger states for them. A hash that is in no
 * recorded recipe is nobody's: what was trained on it is its owner's word.
 */
final class RecordedData {
    /**
     * Data of a hash.
     *
     * @param shards of which it is, or of some of which; several where all ingredients that were
     *     trained on it were trained on several
     * @param ingredient the first that was
     */
    private record Known(Set<Long> shards, IngredientRow ingredient) {}

    /**
     * A recipe that names data of shards which its ingredient does not.
     *
     * @param sentence without a stop
     * @param shards that are to be named; empty where something of it was withdrawn
     * @param source the ingredient by which the data is known
     */
    record Unnamed(String sentence, List<String> shards, IngredientRow source) {
        boolean isWithdrawn() {
            return shards.isEmpty();
        }

        /** What to do before it can be recorded. */
        String advice() {
            return "name %s, too (`shard` %s), or, if ingredient '%s' (entry %d), whose recipe names the same data, was recorded with the wrong shard, take that out with 'soup ingredient retire'."
                    .formatted(
                            shards.size() == 1 ? "it" : "them",
                            String.join(" `shard` ", shards),
                            source.name(),
                            source.id());
        }
    }

    private final Map<String, Known> known = new HashMap<>();

    /**
     * What a state of the ledger tells. An ingredient that was retired while its shards are live
     * may have been recorded wrongly and tells nothing.
     */
    RecordedData(Queries q) {
        Map<Long, JsonObject> recipes = new HashMap<>();
        for (Entry e : q.entries(Kind.INGREDIENT)) {
            recipes.put(e.seq(), Json.object(e.body(), "recipe"));
        }
        for (Entry e : q.entries(Kind.CORRECTION)) {
            recipes.put(Json.number(e.body(), "corrects"), Json.object(e.body(), "recipe"));
        }
        for (IngredientRow i : q.ingredients()) {
            JsonObject recipe = recipes.get(i.id());
            if (recipe != null && (i.retired().isEmpty() || i.withdrawn().isPresent())) {
                Origin.of(recipe).data().keySet().forEach(sha256 -> add(sha256, i));
            }
        }
    }

    /** The first that was recorded is believed; later ones can only say more exactly of which. */
    private void add(String sha256, IngredientRow i) {
        Known before = known.get(sha256);
        if (before == null) {
            known.put(sha256, new Known(Set.copyOf(i.shards()), i));
            return;
        }
        Set<Long> both = new HashSet<>(before.shards());
        both.retainAll(i.shards());
        if (!both.isEmpty()) {
            known.put(sha256, new Known(both, before.ingredient()));
        }
    }

    /**
     * The first of some data that shards do not have: fewer of the pictures of the shards that it
     * is known to be of are live in them than the data has rows.
     *
     * @param what in the sentence: the ingredient
     * @param data rows by hash, 0 if not stated: then it is all of a shard
     */
    Optional<Unnamed> unnamed(
            Queries q, String what, Map<String, Long> data, Collection<Long> shards) {
        for (Map.Entry<String, Long> d : new TreeMap<>(data).entrySet()) {
            Known k = known.get(d.getKey());
            if (k != null && !isCovered(q, k, d.getValue(), shards)) {
                return Optional.of(unnamed(q, what, k, shards));
            }
        }
        return Optional.empty();
    }

    private static boolean isCovered(Queries q, Known k, long rows, Collection<Long> shards) {
        Set<Long> lost = q.withdrawnPictures().keySet();
        boolean whole =
                shards.containsAll(k.shards())
                        && q.shards().stream()
                                .filter(s -> k.shards().contains(s.id()))
                                .allMatch(s -> s.withdrawn().isEmpty() && !lost.contains(s.id()));
        if (whole) {
            return true; // without a look at lists of pictures
        }
        Set<String> needed = AgreedPictures.asOf(q, k.shards(), k.ingredient().id());
        long enough = rows > 0 ? Math.min(rows, needed.size()) : needed.size();
        needed.retainAll(AgreedPictures.live(q, shards));
        return needed.size() >= enough;
    }

    private static Unnamed unnamed(Queries q, String what, Known k, Collection<Long> shards) {
        List<ShardRow> of = q.shards().stream().filter(s -> k.shards().contains(s.id())).toList();
        List<String> live = new ArrayList<>();
        Set<Long> withdrawals = new LinkedHashSet<>();
        for (ShardRow s : of) {
            if (s.withdrawn().isPresent()) {
                withdrawals.add(s.withdrawn().get());
            } else if (!shards.contains(s.id())) {
                live.add(s.name());
            }
        }
        String data =
                "%s: its recipe says that it was trained on the data of shard%s %s"
                        .formatted(
                                what,
                                of.size() == 1 ? "" : "s",
                                String.join(
                                        " and ",
                                        of.stream().map(s -> "'" + s.name() + "'").toList()));
        if (withdrawals.isEmpty() && !live.isEmpty()) {
            return new Unnamed(data, live, k.ingredient());
        }
        String entries = "";
        if (withdrawals.isEmpty()) {
            of.forEach(s ->
                    q.samples(s.id()).stream()
                            .map(SampleRow::withdrawn)
                            .flatMap(Optional::stream)
                            .filter(w -> w > k.ingredient().id())
                            .forEach(withdrawals::add));
            entries = ", of which pictures were withdrawn (entry %s)";
        } else {
            entries = ", which was withdrawn (entry %s)";
        }
        return new Unnamed(
                data
                        + entries.formatted(
                                String.join(
                                        ", ", withdrawals.stream().map(String::valueOf).toList())),
                List.of(),
                k.ingredient());
    }
}
