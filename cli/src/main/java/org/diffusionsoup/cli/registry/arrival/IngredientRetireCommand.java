package org.diffusionsoup.cli.registry.arrival;

import java.util.LinkedHashMap;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.Retired;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup ingredient retire}. */
@Command(
        name = "retire",
        description = {
            "Take an ingredient that was recorded wrongly out of everything made from now on, without"
                    + " withdrawing its shard.",
            "Soups that hold it are named; they are as they were until they are made again. Its name"
                    + " is free again. It still leaves with its shard."
        },
        footer = "  soup ingredient retire noto --reason 'recorded with the wrong shard'")
final class IngredientRetireCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "The ingredient.")
    private String name = "";

    @Option(
            names = "--reason",
            required = true,
            paramLabel = "WORDS",
            description = "Why, for the ledger.")
    private String reason = "";

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        Registry opened = registry.open();
        Retired r = opened.retire(name, reason);
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("entry", r.entry());
        json.put("ingredient", r.ingredient().id());
        json.put("name", r.ingredient().name());
        json.put("soups", r.soups().stream().map(SoupRow::label).toList());
        Map<String, String> remakes = new LinkedHashMap<>();
        for (SoupRow s : r.soups()) {
            String command = opened.read(q -> Names.remake(q, s));
            remakes.put(s.label(), Flags.in(command));
        }
        console.result(
                json,
                text -> {
                    text.println("ingredient " + name + " retired, entry " + r.entry());
                    remakes.forEach((soup, command) ->
                            text.println("  soup " + soup + " holds it until " + command));
                });
    }
}
