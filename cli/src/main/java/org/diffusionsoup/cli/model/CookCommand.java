package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.diffusionsoup.cli.command.MergeFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.Merged;
import org.diffusionsoup.core.method.MethodMerge;
import org.diffusionsoup.diffusion.model.WeightsFit;
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
            "  soup cook recipe.yaml -o merged/ --threads 2 --force",
            "  soup cook add-difference.yaml -o inpainting.safetensors --on-shape pad"
        })
public final class CookCommand extends SoupCommand {
    @Parameters(paramLabel = "RECIPE", description = "A YAML file with inputs and merge.")
    private Path recipe = Path.of("");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The file or folder to make.")
    private Path out = Path.of(".");

    @Mixin private MismatchFlags.OfRecipes mismatches = new MismatchFlags.OfRecipes();
    @Mixin private MergeFlags flags = new MergeFlags();

    @Override
    protected void run(Console console) throws IOException {
        flags.checkFree(out);
        MergeRecipe read = YamlRecipes.read(recipe);
        MergeRecipe merge = read.withPolicy(mismatches.over(read.policy()));
        merge.inputs().values().stream().findFirst().ifPresent(this::refuseFolderForFile);
        long start = System.nanoTime();
        Merged made;
        try (Progress progress = console.progress()) {
            made =
                    MethodMerge.create()
                            .replaceExisting(flags.force())
                            .threads(flags.threads())
                            .hashes(flags.hashes())
                            .misfits(WeightsFit::misfits)
                            .progress(new MegabyteSteps(progress))
                            .make(merge, out);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                json(made, merge, seconds),
                text -> {
                    text.println(
                            MergeCommand.summary(
                                    made.output(),
                                    made.parameters(),
                                    made.tensors(),
                                    made.bytes(),
                                    seconds));
                    made.inputs().forEach((name, path) -> text.println("  " + name + "  " + path));
                    if (!made.copied().isEmpty()) {
                        text.println("  " + made.copied());
                    }
                });
        for (List<String> mean : merge.means()) {
            SameWeights.note(
                    console,
                    flags.hashes(),
                    mean.stream()
                            .map(name ->
                                    new SameWeights.Term(
                                            name, Objects.requireNonNull(merge.inputs().get(name))))
                            .toList());
        }
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
        if (!made.copied().isEmpty()) {
            json.put("copied", made.copied());
        }
        return json;
    }
}
