package org.diffusionsoup.cli.registry.arrival;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.near.SeenBefore;
import org.diffusionsoup.registry.weights.EarlierBases;
import org.diffusionsoup.registry.weights.SameIngredients;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup ingredient add}. */
@Command(
        name = "add",
        description = {
            "Record weights that were trained elsewhere, and store them.",
            "What they were trained on is your word; 'soup train --registry' records its own runs."
                    + " They must be a model of the base, with finite values, and differ from it."
        },
        footer = "  soup ingredient add noto --weights noto/ --base emoji --shard noto")
final class IngredientAddCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "What to call it; soups name it so.")
    private String name = "";

    @Option(
            names = "--weights",
            required = true,
            paramLabel = "PATH",
            description = "A diffusers folder or a .safetensors file.")
    private Path weights = Path.of("");

    @Option(
            names = "--base",
            required = true,
            paramLabel = "NAME",
            description = "The recorded base it started from.")
    private String base = "";

    @Option(
            names = "--shard",
            required = true,
            paramLabel = "NAME",
            description = "The recorded shard it was trained on; repeat for several.")
    private List<String> shards = List.of();

    @Option(
            names = "--code-version",
            defaultValue = "",
            paramLabel = "TEXT",
            description = "Version of the code that trained it.")
    private String codeVersion = "";

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        Registry r = registry.open();
        r.read(q -> {
            Names.checkNewName(q, name); // before weights are opened
            return true;
        });
        IngredientRow i =
                r.addIngredient(
                        new NewIngredient(
                                name,
                                base,
                                shards,
                                weights,
                                TrainingRecipe.ofWeights(weights),
                                codeVersion));
        LeftOutNote.say(console, weights, r.store().manifest(i.checkpoint()));
        List<String> seen = r.read(q -> SeenBefore.of(q, i.shards()));
        List<String> bases = r.read(q -> EarlierBases.of(q, r.store(), i));
        for (String b : bases) {
            console.note(
                    "base '%s', which was recorded before, was made of ingredient '%s', as its recipe says: it leaves with that, and so does what was made from it"
                            .formatted(b, i.name()));
        }
        r.read(q -> SameIngredients.notes(q, r.store(), siblings(q, i))).stream()
                .filter(note -> note.contains("'" + i.name() + "'"))
                .forEach(console::note);
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("entry", i.id());
        json.put("name", i.name());
        json.put("checkpoint", i.checkpoint());
        json.put("withdrawn_pictures", seen);
        json.put("earlier_bases", bases);
        console.result(
                json,
                text -> {
                    text.println("ingredient " + i.name() + ", entry " + i.id());
                    seen.forEach(s -> text.println("  " + s));
                });
    }

    /** What it may be averaged with. */
    private static List<Long> siblings(Queries q, IngredientRow i) {
        return q.ingredients().stream()
                .filter(x -> x.isLive() && x.base() == i.base())
                .map(IngredientRow::id)
                .toList();
    }
}
