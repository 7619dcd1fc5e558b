package org.diffusionsoup.cli.judge;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.Evaluation;
import org.diffusionsoup.workbench.evaluate.EvaluationFiles;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipes;
import org.diffusionsoup.workbench.evaluate.Evaluator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup evaluate}: models × prompts × seeds × judges. */
@Command(
        name = "evaluate",
        description = {
            "Run an evaluation by a YAML recipe: every model draws the same prompts from the same"
                    + " noise, every judge scores every picture.",
            "Models may be trained, averaged and searched for by the recipe. Pictures, scores and"
                    + " models are cached: nothing is made twice, and a run that was stopped or killed"
                    + " goes on. docs/evaluation.md has the words of recipes.",
            "Writes results.json, results.csv, index.html and pages/ with every picture."
        },
        footer = {
            "  soup evaluate recipes/embedded/table1.yaml -o table1",
            "  soup evaluate recipes/paper/setting.yaml -o sd21 --cache /big/cache"
        })
public final class EvaluateCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Parameters(paramLabel = "RECIPE", description = "A YAML file, see docs/evaluation.md.")
    private Path recipe = Path.of("");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the results; those of an earlier run are replaced.")
    private Path out = Path.of(".");

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description =
                    "Folder of pictures, scores and models, may be shared by evaluations (default:"
                            + " cache in --out).")
    private Optional<Path> cache = Optional.empty();

    @Override
    protected void run(Console console) {
        OwnOutputs.EVALUATION.checkOwn(out);
        if (!Files.isRegularFile(recipe)) {
            throw new SoupException("There is no recipe " + recipe + ".");
        }
        Path kept = cache.orElse(out.resolve(EvaluationFiles.CACHE));
        try (FolderLock alone = FolderLock.hold(out);
                FolderLock shared = FolderLock.hold(kept);
                Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            Optional<Evaluation> done =
                    new Evaluator(
                                    EvaluationRecipes.read(recipe).withModels(placed(console)),
                                    kept,
                                    progress,
                                    interrupt,
                                    console.notes(progress))
                            .run();
            progress.close();
            if (done.isEmpty()) {
                console.stopped(EvaluationFiles.stopped(kept));
                return;
            }
            Evaluation e = done.get();
            EvaluationFiles.write(e, out);
            EvaluationFiles.caution(e).ifPresent(console::note);
            console.result(
                    EvaluationFiles.json(e, out),
                    text -> {
                        EvaluationText.print(e, text);
                        text.println("Results: " + out.resolve("index.html"));
                    });
        }
    }

    /** Where models are run from; each is looked at once. */
    static UnaryOperator<Path> placed(Console console) {
        Map<Path, Path> known = new HashMap<>();
        return model -> known.computeIfAbsent(model, m -> RunnableFolders.runnable(m, console));
    }
}
