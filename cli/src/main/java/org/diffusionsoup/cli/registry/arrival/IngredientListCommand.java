package org.diffusionsoup.cli.registry.arrival;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code soup ingredient list}. */
@Command(
        name = "list",
        description = "List the ingredients, withdrawn ones too.",
        footer = "  soup ingredient list")
final class IngredientListCommand extends SoupCommand {
    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        List<Map<String, Object>> json = new ArrayList<>();
        TextTable t = new TextTable("ingredient", "shards", "checkpoint", "");
        registry.openToRead()
                .read(q -> {
                    Map<Long, String> names = new HashMap<>();
                    q.shards().forEach(s -> names.put(s.id(), s.name()));
                    for (IngredientRow i : q.ingredients()) {
                        List<String> shards =
                                i.shards().stream().map(s -> names.getOrDefault(s, "")).toList();
                        Map<String, Object> o = new LinkedHashMap<>();
                        o.put("entry", i.id());
                        o.put("name", i.name());
                        o.put("shards", shards);
                        o.put("checkpoint", i.checkpoint());
                        o.put("withdrawn", i.withdrawn().isPresent());
                        o.put("retired", i.retired().isPresent());
                        json.add(o);
                        t.row(
                                i.name(),
                                String.join(" ", shards),
                                i.checkpoint().substring(0, 12),
                                i.withdrawn().isPresent()
                                        ? "withdrawn"
                                        : i.retired().isPresent() ? "retired" : "");
                    }
                    return true;
                });
        console.result(
                Map.of("ingredients", json),
                text ->
                        t.printOr(
                                text,
                                "no ingredient yet; record one with: soup ingredient add NAME --weights PATH --base BASE --shard SHARD, or train with --registry"));
    }
}
