package org.diffusionsoup.cli.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
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
            "A name that several have means the soup, then the ingredient, the shard, the base, and"
                    + " a note says so. Pictures of a shard that were withdrawn are listed beside it."
        },
        footer = {"  soup show everyone", "  soup show everyone@2 --json", "  soup show 17"})
public final class ShowCommand extends SoupCommand {
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
        record Found(NamedEntry named, Entry entry, String state, List<SampleRow> out) {}
        Found f =
                registry.openToRead()
                        .read(q -> {
                            NamedEntry n = NamedEntry.find(q, name);
                            Entry e = q.entry(n.entry());
                            List<SampleRow> out =
                                    e.kind() != Kind.SHARD
                                            ? List.of()
                                            : q.samples(e.seq()).stream()
                                                    .filter(s -> s.withdrawn().isPresent())
                                                    .toList();
                            return new Found(n, e, state(q, e.seq(), out.size()), out);
                        });
        f.named().tell(console);
        Entry e = f.entry();
        Json.Builder shown =
                Json.object()
                        .put("entry", e.seq())
                        .put("time", e.time())
                        .put("kind", e.kind().word())
                        .put("state", f.state())
                        .put("hash", e.hash())
                        .put("body", e.body());
        if (!f.out().isEmpty()) {
            shown.objects(
                    "withdrawn_pictures",
                    f.out().stream()
                            .map(s ->
                                    Json.object()
                                            .put("sha256", s.sha256())
                                            .put("withdrawal", s.withdrawn().orElseThrow())
                                            .build())
                            .toList());
        }
        String text = Json.pretty(shown.build());
        JsonNode whole = JsonMappers.PLAIN.readTree(text);
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

    private static String state(Queries q, long id, int pictures) {
        Optional<String> soup = q.soup(id).map(SoupText::state);
        Optional<IngredientRow> ingredient = q.ingredient(id);
        Optional<Long> withdrawn =
                ingredient
                        .flatMap(IngredientRow::withdrawn)
                        .or(() ->
                                q.shards().stream()
                                        .filter(s -> s.id() == id)
                                        .findFirst()
                                        .flatMap(ShardRow::withdrawn))
                        .or(() ->
                                q.bases().stream()
                                        .filter(b -> b.id() == id)
                                        .findFirst()
                                        .flatMap(BaseRow::withdrawn));
        return soup.or(() -> withdrawn.map(w -> "withdrawn by entry " + w))
                .or(() ->
                        ingredient
                                .flatMap(IngredientRow::retired)
                                .map(r -> "retired by entry " + r))
                .orElse(
                        pictures == 0
                                ? "live"
                                : "live, without "
                                        + Plural.of(
                                                pictures,
                                                "picture that was withdrawn",
                                                "pictures that were withdrawn"));
    }
}
