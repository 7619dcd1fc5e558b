package org.diffusionsoup.cli.registry;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.context.Names.Named;
import org.diffusionsoup.registry.ledger.Queries;

/**
 * An entry that a name, {@code SOUP@VERSION} or a number stands for.
 *
 * @param entry its number
 * @param note what else has the name, in a sentence; empty if nothing has
 */
record NamedEntry(long entry, String note) {
    /**
     * The soup, then the ingredient, the shard and the base of a name; digits are a number.
     *
     * @throws SoupException if nothing has the name
     */
    static NamedEntry find(Queries q, String name) {
        List<Named> named = Names.named(q, name);
        if (name.matches("[1-9][0-9]{0,17}")) {
            long number = Long.parseLong(name);
            return new NamedEntry(
                    number,
                    note(
                            "entry " + name,
                            named.stream().filter(n -> n.entry() != number).toList()));
        }
        if (name.contains("@")) {
            return new NamedEntry(Names.soup(q, name).id(), "");
        }
        if (named.isEmpty()) {
            throw new SoupException(
                    "The registry has no soup, ingredient, shard or base '"
                            + Visible.shortened(name)
                            + "'; 'soup log' shows what it has.");
        }
        return of(name, named);
    }

    /**
     * The same of something that has weights, where anything of that name has.
     *
     * @throws SoupException if nothing has the name
     */
    static NamedEntry withWeights(Queries q, String name) {
        List<Named> shardLast = new ArrayList<>(Names.named(q, name));
        shardLast.sort(Comparator.comparing(n -> n.kind().equals("shard")));
        return shardLast.isEmpty() || name.matches("[1-9][0-9]{0,17}")
                ? find(q, name)
                : of(name, shardLast);
    }

    private static NamedEntry of(String name, List<Named> named) {
        Named first = named.getFirst();
        return new NamedEntry(
                first.entry(),
                note(first.kind() + " '" + name + "'", named.subList(1, named.size())));
    }

    /** That something else has the name too; empty if nothing has. */
    static String note(String taken, List<Named> others) {
        return others.isEmpty()
                ? ""
                : "This is "
                        + taken
                        + "; of that name there is also "
                        + String.join(
                                " and ",
                                others.stream()
                                        .map(o -> "the " + o.kind() + " of entry " + o.entry())
                                        .toList())
                        + ", which the entry's number shows.";
    }

    void tell(Console console) {
        if (!note.isEmpty()) {
            console.note(note);
        }
    }
}
