package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.Merged;
import org.diffusionsoup.core.method.MethodMerge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.merge.YamlRecipes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup cook}: a merge by recipe. */
@Command(
        name = "cook",
        description = {
            "Merge checkpoints by a YAML recipe: means, task arithmetic, SLERP, TIES, DARE, Fisher"
                    + " means, coefficients per block, in any combination.",
            "docs/recipes.md has the words of recipes with an example for each method. The recipe is"
                    + " stored in the output's header with the SHA-256 of every input; soup reproduce"
                    + " makes the same bytes of it again. The output appears whole or not at all."
        },
        footer = {
            "  soup cook recipe.yaml -o merged.safetensors",
            "  soup cook recipe.yaml -o merged/ --threads 2 --force"
        })
final class CookCommand extends SoupCommand {
    @Parameters(paramLabel = "RECIPE", description = "A YAML file with inputs and merge.")
    private Path recipe = Path.of("");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The file or folder to make.")
    private Path out = Path.of(".");

    @Mixin private MergeFlags flags = new MergeFlags();

    @Override
    protected void run(Console console) throws IOException {
        if (flags.threads < 0) {
            throw misuse("--threads must be at least 1, not " + flags.threads + ".");
        }
        if (!flags.force && Files.exists(out)) {
            throw new SoupException(
                    out + " exists already; name another --out, or add --force to replace it.");
        }
        MergeRecipe merge = YamlRecipes.read(recipe);
        long start = System.nanoTime();
        Merged made;
        try (Progress progress = console.progress()) {
            MethodMerge method =
                    MethodMerge.create()
                            .replaceExisting(flags.force)
                            .hashes(flags.hashes())
                            .progress(new MegabyteSteps(progress));
            made = (flags.threads == 0 ? method : method.threads(flags.threads)).make(merge, out);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                json(made, merge, seconds),
                text -> {
                    text.printf(
                            "%s: %s weights in %d tensors, %s, in %.1f s%n",
                            made.output(),
                            Quantity.count(made.parameters()),
                            made.tensors(),
                            Quantity.bytes(made.bytes()),
                            seconds);
                    made.inputs().forEach((name, path) -> text.println("  " + name + "  " + path));
                });
    }

    private static Map<String, Object> json(Merged made, MergeRecipe merge, double seconds) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", made.output().toString());
        json.put("tensors", made.tensors());
        json.put("parameters", made.parameters());
        json.put("bytes", made.bytes());
        json.put("recipe_sha256", made.recipeSha256());
        Map<String, String> inputs = new LinkedHashMap<>();
        merge.inputs().forEach((name, path) -> inputs.put(name, path.toString()));
        json.put("inputs", inputs);
        json.put("seconds", seconds);
        return json;
    }
}
