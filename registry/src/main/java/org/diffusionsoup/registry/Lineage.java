package org.diffusionsoup.registry;

import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Descent;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.jspecify.annotations.Nullable;

/**
 * Who is in what, by the rules by which a withdrawal finds what leaves ({@link Descent}).
 *
 * @param shards by entry
 * @param bases by entry, only those that were made of recorded things or hold their weights
 * @param ingredients by entry
 * @param soups by entry
 * @param edges from shards and bases to ingredients, from ingredients to soups, and from whatever a
 *     base or an ingredient holds the weights of to that
 */
public record Lineage(
        List<Node> shards,
        List<Node> bases,
        List<Node> ingredients,
        List<Node> soups,
        List<Edge> edges) {
    /**
     * A shard, a base, an ingredient or a soup.
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
     *     by what its weights show it, such as {@code has the same weights as soup a@1}; empty of a
     *     shard, and of a base that something was trained from
     */
    public record Edge(long from, long to, String label) {}

    /**
     * Everything there is.
     *
     * @param store where weights are told by their hashes
     */
    public static Lineage of(Queries q, WeightStore store) {
        return new Builder(q, store).build(id -> true);
    }

    /** What one soup is made of, in any version. */
    public static Lineage ofSoup(Queries q, SoupRow soup, WeightStore store) {
        Builder b = new Builder(q, store);
        return b.build(b.descent.behind(List.of(soup.id()))::contains);
    }

    /** What a shard went into. */
    public static Lineage ofShard(Queries q, ShardRow shard, WeightStore store) {
        Builder b = new Builder(q, store);
        return b.build(b.descent.madeOf(List.of(shard.id()))::contains);
    }

    /** What an ingredient was trained on, and what it went into. */
    public static Lineage ofIngredient(Queries q, IngredientRow ingredient, WeightStore store) {
        Builder b = new Builder(q, store);
        Set<Long> shown = b.descent.madeOf(List.of(ingredient.id()));
        shown.addAll(b.descent.behind(List.of(ingredient.id())));
        return b.build(shown::contains);
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

    /** Shows a part of what there is. */
    private static final class Builder {
        private final Queries q;
        private final Descent descent;

        Builder(Queries q, WeightStore store) {
            this.q = q;
            this.descent = DescentLinks.ofAll(q, store);
        }

        Lineage build(Predicate<Long> shown) {
            List<Node> bases = bases(shown);
            Set<Long> known = new HashSet<>(bases.stream().map(Node::id).toList());
            List<Node> shards = shards(shown);
            List<Node> ingredients = ingredients(shown);
            List<Node> soups = soups(shown);
            for (List<Node> nodes : List.of(shards, ingredients, soups)) {
                nodes.forEach(n -> known.add(n.id()));
            }
            Map<Long, SoupRow> rows = new HashMap<>();
            q.soups().forEach(s -> rows.put(s.id(), s));
            List<Edge> edges =
                    descent.links().stream()
                            .filter(l -> known.contains(l.from()) && known.contains(l.to()))
                            .map(l -> new Edge(l.from(), l.to(), label(l, rows.get(l.to()))))
                            .toList();
            return new Lineage(shards, bases, ingredients, soups, edges);
        }

        private static String label(Descent.Link l, @Nullable SoupRow soup) {
            if (soup == null) {
                return l.byWeights() ? l.why() : "";
            }
            Coefficient all =
                    soup.members().stream()
                            .map(Member::coefficient)
                            .reduce(Coefficient::plus)
                            .orElseThrow();
            return soup.members().stream()
                    .filter(m -> m.ingredient() == l.from())
                    .map(m -> m.coefficient().dividedBy(all).toString())
                    .findFirst()
                    .orElse("");
        }

        private List<Node> shards(Predicate<Long> shown) {
            Map<Long, Long> withdrawn = q.withdrawnPictures();
            return q.shards().stream()
                    .filter(s -> shown.test(s.id()))
                    .map(s ->
                            new Node(
                                    s.id(),
                                    s.name(),
                                    s.provider()
                                            + ", "
                                            + s.licence()
                                            + ", "
                                            + pictures(s, withdrawn.getOrDefault(s.id(), 0L))
                                            + s.expires().map(d -> ", until " + d).orElse(""),
                                    s.withdrawn().isPresent(),
                                    false))
                    .toList();
        }

        /** Bases that came from elsewhere are in everything, and nobody's here. */
        private List<Node> bases(Predicate<Long> shown) {
            Set<Long> shards = new HashSet<>(q.shards().stream().map(ShardRow::id).toList());
            return q.bases().stream()
                    .filter(b -> shown.test(b.id()))
                    .filter(b -> !Collections.disjoint(descent.behind(List.of(b.id())), shards))
                    .map(b ->
                            new Node(
                                    b.id(),
                                    b.name(),
                                    "checkpoint " + b.checkpoint().substring(0, 12),
                                    b.withdrawn().isPresent(),
                                    false))
                    .toList();
        }

        private List<Node> ingredients(Predicate<Long> shown) {
            return q.ingredients().stream()
                    .filter(i -> shown.test(i.id()))
                    .map(i ->
                            new Node(
                                    i.id(),
                                    i.name(),
                                    "checkpoint "
                                            + i.checkpoint().substring(0, 12)
                                            + (i.retired().isPresent() ? ", retired" : ""),
                                    i.withdrawn().isPresent(),
                                    false))
                    .toList();
        }

        private List<Node> soups(Predicate<Long> shown) {
            return q.soups().stream()
                    .filter(s -> shown.test(s.id()))
                    .map(s ->
                            new Node(
                                    s.id(),
                                    s.label(),
                                    s.method() + (s.follows() ? ", follows" : ""),
                                    s.withdrawn().isPresent(),
                                    s.superseded().isPresent()))
                    .toList();
        }
    }
}
