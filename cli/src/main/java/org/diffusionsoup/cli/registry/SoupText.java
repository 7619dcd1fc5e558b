package org.diffusionsoup.cli.registry;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.weights.SameIngredients;

/** How commands show a registered soup. */
final class SoupText {
    private SoupText() {}

    static Map<String, Object> json(SoupRow s) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("entry", s.id());
        json.put("soup", s.label());
        json.put("method", s.method());
        json.put("follows", s.follows());
        json.put("ingredients", s.members().size());
        json.put("checkpoint", s.checkpoint());
        json.put("state", state(s));
        return json;
    }

    static String state(SoupRow s) {
        return s.withdrawn().isPresent()
                ? "withdrawn"
                : s.superseded().isPresent() ? "superseded" : "current";
    }

    static void print(SoupRow s, PrintWriter text) {
        text.printf(
                "soup %s, entry %d: %s, %s%s, %s%n",
                s.label(),
                s.id(),
                s.method(),
                Plural.of(s.members().size(), "ingredient"),
                s.follows() ? ", follows its shards" : "",
                state(s));
    }

    /**
     * Notes what of a soup that was made may not be meant: ingredients that are the same weights,
     * and another version of just what there was.
     *
     * @param before its version before, if there was one
     */
    static void tell(Console console, Registry r, Optional<SoupRow> before, SoupRow made) {
        List<Long> members = made.members().stream().map(Member::ingredient).toList();
        r.read(q -> SameIngredients.notes(q, r.store(), members)).forEach(console::note);
        before.filter(b -> b.id() != made.id() && b.members().equals(made.members()))
                .ifPresent(b ->
                        console.note(
                                "Nothing new has come since soup %s: %s holds the same ingredients."
                                        .formatted(b.label(), made.label())));
    }
}
