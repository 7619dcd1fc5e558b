package org.diffusionsoup.cli.registry;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.workbench.registry.RecipeCorrection;
import org.diffusionsoup.workbench.registry.RecipeCorrection.Corrected;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup registry correct}. */
@Command(
        name = "correct",
        description = {
            "Record how ingredients were trained, as their weights say it, where the ledger says"
                    + " otherwise: by an entry that corrects theirs, which stays as it is.",
            "Ledgers of earlier versions hold the recipe of the base's text encoder; with it 'withdraw"
                    + " --samples' and 'verify --deep' refuse. Certificates issued after the correction"
                    + " have the right one."
        },
        footer = {
            "  soup registry correct",
            "  soup registry correct noto --reason 'recorded wrongly'"
        })
final class RegistryCorrectCommand extends SoupCommand {
    @Parameters(
            arity = "0..*",
            paramLabel = "INGREDIENT",
            description = "Live ingredients (default: all whose recorded recipe is another).")
    private List<String> ingredients = List.of();

    @Option(
            names = "--reason",
            defaultValue = "the recipe in the ingredient's weights is the one it was trained by",
            paramLabel = "WORDS",
            description = "Why, for the ledger (default: ${DEFAULT-VALUE}).")
    private String reason = "";

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        List<Corrected> done = RecipeCorrection.run(registry.open(), ingredients, reason);
        List<Map<String, Object>> json = new ArrayList<>();
        for (Corrected c : done) {
            Map<String, Object> o = new LinkedHashMap<>();
            o.put("entry", c.entry());
            o.put("ingredient", c.ingredient());
            json.add(o);
        }
        console.result(
                Map.of("corrected", json),
                text -> {
                    done.forEach(c ->
                            text.println(
                                    "correction, entry "
                                            + c.entry()
                                            + ": the recipe of ingredient "
                                            + c.ingredient()));
                    if (done.isEmpty()) {
                        text.println("nothing to correct: every recipe is that of its weights");
                    }
                });
    }
}
