package org.diffusionsoup.registry.context;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/** What things in a registry may be called, and what a name stands for. */
public final class Names {
    /** So many names a sentence lists. */
    private static final int MOST_NAMES = 20;

    private Names() {}

    /**
     * Something that has a name.
     *
     * @param kind {@code soup}, {@code ingredient}, {@code shard} or {@code base}
     * @param entry its number
     */
    public record Named(String kind, long entry) {}

    /**
     * Refuses a new name that commands would take for something else: one of digits alone, which is
     * an entry's number, one with a comma or an equals sign, which lists are split at, or one that
     * something of another kind has. An ingredient may be called as a shard is, since it is so by
     * default.
     */
    public static void checkFree(Queries q, String kind, String name) {
        if (name.matches("[0-9]+")) {
            throw new RegistryException(
                    "'"
                            + name
                            + "' cannot name "
                            + Plural.one(kind)
                            + ": commands take digits alone for an entry's number; put a letter in"
                            + " front.");
        }
        // Earlier versions took these: only new names are refused.
        if (name.matches("(?s).*[,=].*")) {
            throw new RegistryException(
                    "'"
                            + name
                            + "' cannot name "
                            + Plural.one(kind)
                            + ": commands take a comma for the end of a name, and '=' for that of"
                            + " another; use letters, digits and ._+-.");
        }
        named(q, name).stream()
                .filter(o -> !o.kind().equals(kind))
                // The name of an ingredient that has left is free.
                .filter(o -> !o.kind().equals("ingredient") || q.ingredient(name).isPresent())
                .filter(o ->
                        !(Set.of("shard", "ingredient").contains(kind)
                                && Set.of("shard", "ingredient").contains(o.kind())))
                .findFirst()
                .ifPresent(o -> {
                    throw new RegistryException(
                            "There is "
                                    + Plural.one(o.kind())
                                    + " '"
                                    + name
                                    + "' (entry "
                                    + o.entry()
                                    + "), and commands could not tell "
                                    + Plural.one(kind)
                                    + " of that name from it; choose another name.");
                });
    }

    /**
     * Everything that has a name: the newest soup, the ingredient, the shard, the base; also where
     * that was withdrawn or retired. An ingredient that has left comes behind a shard that has not.
     */
    public static List<Named> named(Queries q, String name) {
        List<Named> all = new ArrayList<>();
        q.soup(name).ifPresent(s -> all.add(new Named("soup", s.id())));
        Optional<IngredientRow> ingredient = q.ingredientEver(name);
        Optional<ShardRow> shard = q.shard(name);
        ingredient.ifPresent(i -> all.add(new Named("ingredient", i.id())));
        shard.ifPresent(s -> {
            boolean first =
                    s.withdrawn().isEmpty() && ingredient.filter(i -> !i.isLive()).isPresent();
            all.add(first ? all.size() - 1 : all.size(), new Named("shard", s.id()));
        });
        q.bases().stream()
                .filter(b -> b.name().equals(name))
                .findFirst()
                .ifPresent(b -> all.add(new Named("base", b.id())));
        return all;
    }

    /**
     * Refuses what no name can be made of.
     *
     * @param what is to have it, such as {@code soup}
     * @throws RegistryException saying what names are made of
     */
    public static void check(String what, String name) {
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._+=,-]{0,99}")) {
            throw new RegistryException(
                    "'"
                            + Visible.shortened(name)
                            + "' cannot name "
                            + Plural.one(what)
                            + "; use letters, digits and ._+- (at most 100).");
        }
    }

    /**
     * Refuses a name that a shard ever had, or that would be taken for something else: before work
     * that ends with a shard of that name.
     *
     * @throws RegistryException saying why, and what names are made of
     */
    public static void checkNewShard(Queries q, String name) {
        check("shard", name);
        q.shard(name)
                .ifPresent(old -> {
                    throw new RegistryException(
                            "There "
                                    + (old.withdrawn().isPresent() ? "was" : "is")
                                    + " a shard '"
                                    + name
                                    + "' (entry "
                                    + old.id()
                                    + "); choose another name.");
                });
        checkFree(q, "shard", name);
    }

    /**
     * Refuses a soup's name that would be taken for something else, before work that ends with that
     * soup; one that there is gets its next version.
     *
     * @throws RegistryException saying why, and what names are made of
     */
    public static void checkSoupName(Queries q, String name) {
        check("soup", name);
        if (q.soup(name).isEmpty()) {
            checkFree(q, "soup", name);
        }
    }

    /**
     * Refuses a name that an ingredient has, or that would be taken for something else: before work
     * that ends with an ingredient of that name.
     *
     * @throws RegistryException naming what has it, or saying what names are made of
     */
    public static void checkNewName(Queries q, String name) {
        check("ingredient", name);
        q.ingredient(name)
                .ifPresent(old -> {
                    throw new RegistryException(
                            "There is an ingredient '"
                                    + name
                                    + "' (entry "
                                    + old.id()
                                    + "); choose another name.");
                });
        checkFree(q, "ingredient", name);
    }

    /**
     * A base that is not withdrawn.
     *
     * @throws RegistryException if there is none of that name
     */
    public static BaseRow base(Queries q, String name) {
        Optional<BaseRow> base = q.bases().stream().filter(b -> b.name().equals(name)).findFirst();
        base.flatMap(BaseRow::withdrawn)
                .ifPresent(w -> {
                    throw new RegistryException(
                            "Base '" + name + "' was withdrawn (entry " + w + ").");
                });
        return base.orElseThrow(() ->
                new RegistryException(
                        "There is no base '"
                                + Visible.shortened(name)
                                + "', only "
                                + few(q.bases().stream().map(BaseRow::name).toList())
                                + "; record it with 'soup base add'."));
    }

    /**
     * A shard, whatever became of it.
     *
     * @throws RegistryException if there never was one of that name
     */
    public static ShardRow shard(Queries q, String name) {
        return q.shard(name)
                .orElseThrow(() ->
                        new RegistryException(
                                "There is no shard '"
                                        + Visible.shortened(name)
                                        + "'; 'soup shard list' shows those there are."));
    }

    /**
     * A live ingredient.
     *
     * @throws RegistryException if there is none of that name, saying what became of it
     */
    public static IngredientRow ingredient(Queries q, String name) {
        return q.ingredient(name)
                .orElseThrow(() -> {
                    Optional<IngredientRow> was =
                            q.ingredients().stream()
                                    .filter(i -> i.name().equals(name))
                                    .reduce((a, b) -> b);
                    return new RegistryException(
                            was.isPresent() ? ended(was.get()) : unknown(q, name));
                });
    }

    private static String unknown(Queries q, String name) {
        List<IngredientRow> live = q.ingredients().stream().filter(IngredientRow::isLive).toList();
        Optional<ShardRow> shard = q.shard(name);
        if (shard.isPresent()) {
            List<String> trained =
                    live.stream()
                            .filter(i -> i.shards().contains(shard.get().id()))
                            .map(IngredientRow::name)
                            .toList();
            return "'"
                    + name
                    + "' is a shard and no ingredient; "
                    + (trained.isEmpty()
                            ? "no ingredient was trained on it yet: record one with 'soup ingredient"
                                    + " add NAME `weights` MODEL `shard` "
                                    + name
                                    + "'."
                            : "trained on it: " + String.join(", ", trained) + ".");
        }
        List<String> names = live.stream().map(IngredientRow::name).toList();
        return "There is no ingredient '"
                + name
                + (names.isEmpty()
                        ? "', and no other; record one with 'soup ingredient add'."
                        : "', only " + String.join(", ", names) + ".");
    }

    /**
     * The command that makes a soup's next version; empty if no ingredient is left for one.
     *
     * @param s a soup, whatever became of its ingredients
     */
    public static Optional<String> remakeCommand(Queries q, SoupRow s) {
        long base = q.ingredient(s.members().getFirst().ingredient()).orElseThrow().base();
        List<IngredientRow> live =
                q.ingredients().stream().filter(i -> i.isLive() && i.base() == base).toList();
        if (live.isEmpty()) {
            return Optional.empty();
        }
        if (s.follows()) {
            return Optional.of("soup update " + s.name());
        }
        Set<Long> members = new HashSet<>();
        s.members().forEach(m -> members.add(m.ingredient()));
        List<String> own =
                live.stream()
                        .filter(i -> members.contains(i.id()))
                        .map(IngredientRow::name)
                        .toList();
        List<String> from = own.isEmpty() ? live.stream().map(IngredientRow::name).toList() : own;
        return Optional.of("soup registry make " + s.name() + " `from` " + String.join(",", from));
    }

    private static String ended(IngredientRow i) {
        return "Ingredient '"
                + i.name()
                + "' was "
                + (i.withdrawn().isPresent()
                        ? "withdrawn."
                        : "retired (entry " + i.retired().orElseThrow() + ").");
    }

    /**
     * The command that makes a soup's next version, or that no ingredient is left for one and what
     * remains to be done.
     */
    public static String remake(Queries q, SoupRow s) {
        return remakeCommand(q, s)
                .map(command -> "'" + command + "'")
                .orElseGet(() ->
                        "another ingredient of its base is recorded ('soup ingredient add'), since none"
                                + " is left, and the soup is made again of that");
    }

    /**
     * A soup by {@code name} (its newest version) or {@code name@version}.
     *
     * @throws RegistryException if there is none
     */
    public static SoupRow soup(Queries q, String label) {
        int at = label.lastIndexOf('@');
        Optional<SoupRow> found = Optional.empty();
        if (at > 0 && label.substring(at + 1).matches("[1-9][0-9]{0,8}")) {
            found = q.soup(label.substring(0, at), Long.parseLong(label.substring(at + 1)));
        } else {
            found = q.soup(label);
        }
        return found.orElseThrow(() -> {
            List<String> soups = q.soups().stream().map(SoupRow::name).toList();
            return new RegistryException(
                    "There is no soup '"
                            + Visible.shortened(label)
                            + (soups.isEmpty()
                                    ? "'; the registry has no soups yet."
                                    : "', only " + few(soups) + "."));
        });
    }

    /** Names in a sentence: the first of them, and how many more there are. */
    private static String few(List<String> names) {
        List<String> all = List.copyOf(new LinkedHashSet<>(names));
        return all.size() <= MOST_NAMES
                ? all.toString()
                : all.subList(0, MOST_NAMES) + " and " + (all.size() - MOST_NAMES) + " more";
    }

    /**
     * The same, which nothing has replaced or withdrawn.
     *
     * @throws RegistryException saying by which entry it was
     */
    public static SoupRow current(Queries q, String label) {
        SoupRow s = soup(q, label);
        if (!s.isCurrent()) {
            throw new RegistryException(
                    "Soup "
                            + s.label()
                            + (s.withdrawn().isPresent()
                                    ? " was withdrawn (entry " + s.withdrawn().get() + ")."
                                    : " was superseded (entry " + s.superseded().get() + ")."));
        }
        return s;
    }
}
