package org.diffusionsoup.registry;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;

/** What things in a registry may be called. */
final class Names {
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
}
