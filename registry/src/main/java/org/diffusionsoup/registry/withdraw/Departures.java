package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.weights.Choices;

/** Why each ingredient, base and soup leaves with a withdrawal. */
final class Departures {
    private Departures() {}

    /**
     * Everything that leaves, each with why.
     *
     * @param whole shards that leave whole
     * @param touched shards of which some pictures leave
     * @param copies why something leaves that was neither trained on those nor made from that, by
     *     its entry
     */
    static List<Gone> of(
            Queries q,
            Set<Long> whole,
            Set<Long> touched,
            List<SampleRow> samples,
            List<IngredientRow> gone,
            List<IngredientRow> retrained,
            List<BaseRow> bases,
            Iterable<SoupRow> soups,
            Map<Long, String> copies) {
        Map<Long, String> shards = new HashMap<>();
        q.shards().forEach(s -> shards.put(s.id(), s.name()));
        List<Gone> all = new ArrayList<>();
        Map<Long, Gone> ingredients = new HashMap<>();
        List<IngredientRow> both = new ArrayList<>(gone);
        both.addAll(retrained);
        Choices choices = new Choices(q);
        for (IngredientRow i : both) {
            String copy = copies.get(i.id());
            List<String> on = new ArrayList<>();
            for (long s : i.shards()) {
                long some = samples.stream().filter(x -> x.shard() == s).count();
                if (whole.contains(s)) {
                    on.add("shard " + shards.get(s));
                } else if (touched.contains(s)) {
                    on.add(Plural.of(some, "picture") + " of shard " + shards.get(s));
                }
            }
            Gone g =
                    new Gone(
                            "ingredient",
                            i.id(),
                            i.name(),
                            copy != null ? copy : "trained on " + String.join(", ", on),
                            copy != null,
                            retrained.contains(i));
            ingredients.put(i.id(), g);
            all.add(g);
        }
        for (BaseRow b : bases) {
            all.add(
                    new Gone(
                            "base",
                            b.id(),
                            b.name(),
                            copies.getOrDefault(b.id(), ""),
                            true,
                            false));
        }
        for (SoupRow s : soups) {
            List<Gone> held =
                    s.members().stream()
                            .map(m -> ingredients.get(m.ingredient()))
                            .filter(Objects::nonNull)
                            .toList();
            List<String> looked = new ArrayList<>();
            s.selectedAmong().stream()
                    .filter(x -> whole.contains(x) || touched.contains(x))
                    .forEach(x -> looked.add("shard " + shards.get(x)));
            choices.candidates(s).stream()
                    .map(ingredients::get)
                    .filter(g -> g != null && g.beyond())
                    .forEach(g -> looked.add(g.label()));
            all.add(
                    new Gone(
                            "soup",
                            s.id(),
                            s.label(),
                            held.isEmpty()
                                    ? "chosen with a look at " + String.join(", ", looked)
                                    : "holds "
                                            + held.stream()
                                                    .map(Gone::label)
                                                    .collect(Collectors.joining(", ")),
                            !held.isEmpty() && held.stream().allMatch(Gone::beyond),
                            false));
        }
        return List.copyOf(all);
    }
}
