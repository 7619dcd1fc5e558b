package org.diffusionsoup.registry;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/** What things in a registry may be called, and what a name stands for. */
final class Names {
    /** So many names a sentence lists. */
    private static final int MOST_NAMES = 20;

    private Names() {}

    /**
     * Refuses a new name that commands would take for something else: one of digits alone, which is
     * an entry's number, one with a comma or an equals sign, which lists are split at, or one that
     * something of another kind has. An ingredient may be called as a shard is, since it is so by
     * default.
     */
    static void checkFree(Queries q, String kind, String name) {
        if (name.matches("[0-9]+")) {
            throw new RegistryException(
                    "'"
                            + name
                            + "' cannot name "
                            + article(kind)
                            + ": commands take digits alone for an entry's number; put a letter in"
                            + " front.");
        }
        // Earlier versions took these: only new names are refused.
        if (name.matches("(?s).*[,=].*")) {
            throw new RegistryException(
                    "'"
                            + name
                            + "' cannot name "
                            + article(kind)
                            + ": commands take a comma for the end of a name, and '=' for that of"
                            + " another; use letters, digits and ._+-.");
        }
        others(q, name).stream()
                .filter(o -> !o.kind().equals(kind))
                .filter(o ->
                        !(Set.of("shard", "ingredient").contains(kind)
                                && Set.of("shard", "ingredient").contains(o.kind())))
                .findFirst()
                .ifPresent(o -> {
                    throw new RegistryException(
                            "There is "
                                    + article(o.kind())
                                    + " '"
                                    + name
                                    + "' (entry "
                                    + o.entry()
                                    + "), and commands could not tell "
                                    + article(kind)
                                    + " of that name from it; choose another name.");
                });
    }

    private static String article(String kind) {
        return (kind.startsWith("i") ? "an " : "a ") + kind;
    }

    /** Everything that has a name: the newest soup, the live ingredient, the shard, the base. */
    static List<Registry.Named> others(Queries q, String name) {
        List<Registry.Named> all = new ArrayList<>();
        q.soup(name).ifPresent(s -> all.add(new Registry.Named("soup", s.id())));
        q.ingredient(name).ifPresent(i -> all.add(new Registry.Named("ingredient", i.id())));
        q.shard(name).ifPresent(s -> all.add(new Registry.Named("shard", s.id())));
        q.bases().stream()
                .filter(b -> b.name().equals(name))
                .findFirst()
                .ifPresent(b -> all.add(new Registry.Named("base", b.id())));
        return all;
    }

    static void check(String what, String name) {
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._+=,-]{0,99}")) {
            throw new RegistryException(
                    "'"
                            + Visible.shortened(name)
                            + "' cannot name a "
                            + what
                            + "; use letters, digits and ._+- (at most 100).");
        }
    }

    static void checkNewShard(Queries q, String name) {
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

    static void checkSoupName(Queries q, String name) {
        check("soup", name);
        if (q.soup(name).isEmpty()) {
            checkFree(q, "soup", name);
        }
    }

    static void checkNewName(Queries q, String name) {
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

    static BaseRow base(Queries q, String name) {
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

    static ShardRow shard(Queries q, String name) {
        return q.shard(name)
                .orElseThrow(() ->
                        new RegistryException(
                                "There is no shard '"
                                        + Visible.shortened(name)
                                        + "'; 'soup shard list' shows those there are."));
    }

    static String remake(Queries q, SoupRow s) {
        return Soups.remake(q, s)
                .map(command -> "'" + command + "'")
                .orElseGet(() ->
                        "another ingredient of its base is recorded ('soup ingredient add'), since none"
                                + " is left, and the soup is made again of that");
    }

    static SoupRow soup(Queries q, String label) {
        int at = label.lastIndexOf('@');
        Optional<SoupRow> found = Optional.empty();
        if (at > 0 && label.substring(at + 1).matches("[1-9][0-9]{0,8}")) {
            found = q.soup(label.substring(0, at), Long.parseLong(label.substring(at + 1)));
        } else {
            found = q.soup(label);
        }
        return found.orElseThrow(() ->
                new RegistryException(
                        "There is no soup '"
                                + Visible.shortened(label)
                                + "', only "
                                + few(q.soups().stream().map(SoupRow::name).toList())
                                + "."));
    }

    /** Names in a sentence: the first of them, and how many more there are. */
    private static String few(List<String> names) {
        List<String> all = List.copyOf(new LinkedHashSet<>(names));
        return all.size() <= MOST_NAMES
                ? all.toString()
                : all.subList(0, MOST_NAMES) + " and " + (all.size() - MOST_NAMES) + " more";
    }

    static SoupRow current(Queries q, String label) {
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
