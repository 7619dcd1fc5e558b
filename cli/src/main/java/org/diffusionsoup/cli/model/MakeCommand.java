package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.MergeFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup make}: a uniform or weighted soup. */
@Command(
        name = "make",
        description = {
            "Average ingredients into a soup: all weights, exactly, each with its coefficient.",
            "The same ingredients and coefficients give the same bytes in any order, so that the"
                    + " recipe in the header (soup inspect) has an order of its own. The output appears"
                    + " whole or not at all."
        },
        footer = {
            "  soup make noto/ fluent/ twemoji/ -o my-soup/",
            "  soup make noto/ fluent/ -o my-soup/ --weights 2,1 --force",
            "  soup make a.safetensors b.safetensors -o soup.safetensors --weights 0.25,0.75"
        })
public final class MakeCommand extends SoupCommand {
    @Parameters(
            arity = "1..*",
            paramLabel = "INGREDIENT",
            description = "Folders in diffusers layout, or .safetensors files, of one base.")
    private List<Path> ingredients = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The folder or file to make.")
    private Path out = Path.of(".");

    @Option(
            names = "--weights",
            paramLabel = "K",
            description =
                    "Coefficients in the ingredients' order, such as 2,1,1 or 1/3,2/3; scaled to sum"
                            + " to 1 (default: all the same).")
    private List<String> weights = List.of();

    @Option(names = "--force", description = "Replace an existing output.")
    private boolean force;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description =
                    "Worker threads; the bytes do not depend on it (default: all processors).")
    private int threads = MergeFlags.UNASKED;

    @Override
    protected void run(Console console) throws IOException {
        List<String> weights = MergeFlags.weights(this.weights);
        if (!weights.isEmpty() && weights.size() != ingredients.size()) {
            throw misuse(
                    Plural.of(weights.size(), "weight")
                            + " for "
                            + Plural.of(ingredients.size(), "ingredient")
                            + "; give one for each.");
        }
        int workers = MergeFlags.threads(threads, line());
        refuseFolderForFile(ingredients.getFirst());
        ModelOutput.MODEL.check(out, force);
        List<SoupIngredient> parts = new ArrayList<>();
        for (int i = 0; i < ingredients.size(); i++) {
            Coefficient k =
                    weights.isEmpty() ? Coefficient.ONE : coefficient("--weights", weights.get(i));
            parts.add(SoupIngredient.of(ingredients.get(i), k));
        }
        long start = System.nanoTime();
        Soup soup;
        try (Progress progress = console.progress()) {
            soup =
                    Souper.create()
                            .replaceExisting(force)
                            .progress(new MegabyteSteps(progress))
                            .threads(workers)
                            .make(parts, out);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                json(soup, seconds),
                text -> {
                    text.printf(
                            "%s: %s weights in %s, %s, in %.1f s%n",
                            soup.output(),
                            Quantity.count(soup.parameters()),
                            Plural.of(soup.tensors(), "tensor"),
                            Quantity.bytes(soup.bytes()),
                            seconds);
                    soup.ingredients()
                            .forEach(i -> text.println("  " + i.coefficient() + "  " + i.name()));
                });
        SameWeights.note(console, soup);
    }

    private static Map<String, Object> json(Soup soup, double seconds) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", soup.output().toString());
        json.put("files", soup.files());
        json.put("tensors", soup.tensors());
        json.put("parameters", soup.parameters());
        json.put("bytes", soup.bytes());
        List<Map<String, String>> ingredients = new ArrayList<>();
        for (SoupIngredient i : soup.ingredients()) {
            Map<String, String> ingredient = new LinkedHashMap<>();
            ingredient.put("name", i.name());
            ingredient.put("path", i.path().toString());
            ingredient.put("coefficient", i.coefficient().toString());
            ingredients.add(ingredient);
        }
        json.put("ingredients", ingredients);
        json.put("seconds", seconds);
        return json;
    }
}
