package org.diffusionsoup.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup show}: one thing of the registry. */
@Command(
        name = "show",
        description = {
            "Show one entry: a soup, an ingredient or a shard by name, or any entry by number.",
            "A name that several have means the soup, then the ingredient, then the shard."
        },
        footer = {"  soup show everyone", "  soup show everyone@2 --json", "  soup show 17"})
final class ShowCommand extends SoupCommand {
    private static final int MOST_ITEMS = 8;
    private static final int FIRST_ITEMS = 3;
    private static final String MORE = ", all with --full";

    @Option(
            names = "--full",
            description = "Show long lists whole, such as the hashes of a shard's pictures.")
    private boolean full;

    @Parameters(paramLabel = "NAME", description = "A name, SOUP@VERSION, or an entry's number.")
    private String name = "";

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        record Found(Entry entry, String state) {}
        Found f =
                registry.openToRead()
                        .read(q -> {
                            long id = id(q, name);
                            return new Found(q.entry(id), state(q, id));
                        });
        Entry e = f.entry();
        String text =
                Json.pretty(
                        Json.object()
                                .put("entry", e.seq())
                                .put("time", e.time())
                                .put("kind", e.kind().word())
                                .put("state", f.state())
                                .put("hash", e.hash())
                                .put("body", e.body())
                                .build());
        JsonNode whole = new ObjectMapper().readTree(text);
        console.result(
                whole, out -> out.print(full ? text : shortened(whole).toPrettyString() + "\n"));
    }

    /** The same with long lists and texts cut; each says how much there is. */
    private static JsonNode shortened(JsonNode node) {
        return switch (node) {
            case TextNode t when t.textValue().length() > Visible.MOST_ECHOED ->
                    TextNode.valueOf(Visible.cut(t.textValue()) + MORE);
            case ArrayNode a -> {
                ArrayNode few = JsonNodeFactory.instance.arrayNode();
                boolean cut = a.size() > MOST_ITEMS;
                for (int i = 0; i < (cut ? FIRST_ITEMS : a.size()); i++) {
                    few.add(shortened(a.get(i)));
                }
                if (cut) {
                    few.add(String.format(Locale.ROOT, "%,d more%s", a.size() - FIRST_ITEMS, MORE));
                }
                yield few;
            }
            case ObjectNode o -> {
                ObjectNode fields = JsonNodeFactory.instance.objectNode();
                o.properties().forEach(e -> fields.set(e.getKey(), shortened(e.getValue())));
                yield fields;
            }
            default -> node;
        };
    }

    static long id(Queries q, String name) {
        if (name.matches("[1-9][0-9]{0,17}")) {
            return Long.parseLong(name);
        }
        if (name.contains("@") || q.soup(name).isPresent()) {
            return Registry.soup(q, name).id();
        }
        Optional<Long> other =
                q.ingredient(name).map(IngredientRow::id).or(() -> q.shard(name).map(ShardRow::id));
        return other.orElseThrow(() ->
                new SoupException(
                        "The registry has no soup, ingredient or shard '"
                                + Visible.shortened(name)
                                + "'; 'soup log' shows what it has."));
    }

    private static String state(Queries q, long id) {
        Optional<String> soup = q.soup(id).map(SoupText::state);
        Optional<Long> withdrawn =
                q.ingredient(id)
                        .flatMap(IngredientRow::withdrawn)
                        .or(() ->
                                q.shards().stream()
                                        .filter(s -> s.id() == id)
                                        .findFirst()
                                        .flatMap(ShardRow::withdrawn));
        return soup.orElse(withdrawn.map(w -> "withdrawn by entry " + w).orElse("live"));
    }
}
