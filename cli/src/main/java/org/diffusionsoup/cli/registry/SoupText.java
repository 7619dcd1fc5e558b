package org.diffusionsoup.cli.registry;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

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
}
