package org.diffusionsoup.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * Who is in what.
 *
 * @param shards by entry
 * @param ingredients by entry
 * @param soups by entry
 * @param edges from shards to ingredients and from ingredients to soups
 */
public record Lineage(
        List<Node> shards, List<Node> ingredients, List<Node> soups, List<Edge> edges) {
    /**
     * A shard, an ingredient or a soup.
     *
     * @param id its entry
     * @param about what to say beside its name
     * @param withdrawn whether it left
     * @param superseded whether a newer version took its place
     */
    public record Node(long id, String name, String about, boolean withdrawn, boolean superseded) {}

    /**
     * That one thing went into another.
     *
     * @param label how much of the soup it is, such as {@code 1/2}: all of a soup's are 1 together;
     *     empty of a shard
     */
    public record Edge(long from, long to, String label) {}

    /** Everything there is. */
    public static Lineage of(Queries q) {
        return build(q, q.shards(), q.ingredients(), q.soups());
    }

    /** What one soup is made of, in any version. */
    public static Lineage ofSoup(Queries q, SoupRow soup) {
        Set<Long> ingredients = new HashSet<>();
        soup.members().forEach(m -> ingredients.add(m.ingredient()));
        List<IngredientRow> in =
                q.ingredients().stream().filter(i -> ingredients.contains(i.id())).toList();
        Set<Long> shards = new HashSet<>();
        in.forEach(i -> shards.addAll(i.shards()));
        return build(
                q,
                q.shards().stream().filter(s -> shards.contains(s.id())).toList(),
                in,
                List.of(soup));
    }

    /** What a shard went into. */
    public static Lineage ofShard(Queries q, ShardRow shard) {
        return into(
                q,
                List.of(shard),
                q.ingredients().stream().filter(i -> i.shards().contains(shard.id())).toList());
    }

    /** What an ingredient was trained on, and what it went into. */
    public static Lineage ofIngredient(Queries q, IngredientRow ingredient) {
        return into(
                q,
                q.shards().stream().filter(s -> ingredient.shards().contains(s.id())).toList(),
                List.of(ingredient));
    }

    private static Lineage into(Queries q, List<ShardRow> shards, List<IngredientRow> in) {
        Set<Long> ingredients = new HashSet<>(in.stream().map(IngredientRow::id).toList());
        return build(
                q,
                shards,
                in,
                q.soups().stream()
                        .filter(s ->
                                s.members().stream()
                                        .anyMatch(m -> ingredients.contains(m.ingredient())))
                        .toList());
    }

    /**
     * How many pictures a shard has: such as {@code 4}, or {@code 3 of 4} after one was withdrawn.
     */
    public static String count(ShardRow shard, long withdrawn) {
        return withdrawn == 0
                ? String.valueOf(shard.samples())
                : shard.samples() - withdrawn + " of " + shard.samples();
    }

    private static String pictures(ShardRow shard, long withdrawn) {
        return withdrawn == 0
                ? Plural.of(shard.samples(), "picture")
                : count(shard, withdrawn) + " pictures";
    }

    private static Lineage build(
            Queries q,
            List<ShardRow> shards,
            List<IngredientRow> ingredients,
            List<SoupRow> soups) {
        Map<Long, Long> withdrawn = q.withdrawnPictures();
        List<Edge> edges = new ArrayList<>();
        List<Node> s = new ArrayList<>();
        Map<Long, Boolean> known = new HashMap<>();
        for (ShardRow row : shards) {
            known.put(row.id(), true);
            String about =
                    row.provider()
                            + ", "
                            + row.licence()
                            + ", "
                            + pictures(row, withdrawn.getOrDefault(row.id(), 0L))
                            + row.expires().map(d -> ", until " + d).orElse("");
            s.add(new Node(row.id(), row.name(), about, row.withdrawn().isPresent(), false));
        }
        List<Node> i = new ArrayList<>();
        for (IngredientRow row : ingredients) {
            known.put(row.id(), true);
            i.add(
                    new Node(
                            row.id(),
                            row.name(),
                            "checkpoint "
                                    + row.checkpoint().substring(0, 12)
                                    + (row.retired().isPresent() ? ", retired" : ""),
                            row.withdrawn().isPresent(),
                            false));
            row.shards().stream()
                    .filter(known::containsKey)
                    .forEach(shard -> edges.add(new Edge(shard, row.id(), "")));
        }
        List<Node> o = new ArrayList<>();
        for (SoupRow row : soups) {
            o.add(
                    new Node(
                            row.id(),
                            row.label(),
                            row.method() + (row.follows() ? ", follows" : ""),
                            row.withdrawn().isPresent(),
                            row.superseded().isPresent()));
            Optional<Coefficient> all =
                    row.members().stream().map(Member::coefficient).reduce(Coefficient::plus);
            for (Member m : row.members()) {
                if (known.containsKey(m.ingredient())) {
                    String share = m.coefficient().dividedBy(all.orElseThrow()).toString();
                    edges.add(new Edge(m.ingredient(), row.id(), share));
                }
            }
        }
        return new Lineage(s, i, o, edges);
    }
}
