package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.io.ProjectFiles;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.study.LinearResults;
import org.diffusionsoup.workbench.study.LinearStudy;
import org.diffusionsoup.workbench.study.TuningStage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup study linear}. */
@Command(
        name = "linear",
        description = {
            "Eq. 4 and 5 of the paper, measured: on noised rows of a shard, how far the prediction"
                    + " of the averaged weights is from the average of the ingredients' predictions,"
                    + " beside how far that is from the base's; per timestep, and as every"
                    + " ingredient is moved back towards the base.",
            "Writes linear.json and linear.html. Nothing is trained, drawn or saved."
        },
        footer = {
            "  soup study linear --base models/web-base --model food --model animals -o linear/",
            "  soup study linear --base models/web-base --steps-of food --steps-of animals --shard"
                    + " 'shards/emoji#domain=food' --rows 16 -o linear/"
        })
final class StudyLinearCommand extends SoupCommand {
    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the results; those of an earlier run are replaced.")
    private Path out = Path.of(".");

    @Option(
            names = "--base",
            required = true,
            paramLabel = "DIR",
            description = "The model that the ingredients were fine-tuned from.")
    private Path base = Path.of(".");

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "An ingredient; to be given twice or more.")
    private List<Path> models = new ArrayList<>();

    @Option(
            names = "--steps-of",
            paramLabel = "DIR",
            description =
                    "In place of --model: an ingredient beside which models were kept on its way"
                            + " (train --keep-every); to be given twice or more. Every step that all"
                            + " of them have is measured.")
    private List<Path> stepsOf = new ArrayList<>();

    @Option(
            names = "--shard",
            paramLabel = "SHARD",
            description =
                    "Captioned pictures: a tar, a data set folder, or a view of one (default:"
                            + " shards/emoji#split=heldout).")
    private Optional<String> shard = Optional.empty();

    @Option(
            names = "--rows",
            defaultValue = "32",
            paramLabel = "N",
            description = "Rows about different subjects, at random (default: ${DEFAULT-VALUE}).")
    private int rows;

    @Option(
            names = "--scales",
            split = ",",
            defaultValue = "0.125,0.25,0.5,1",
            paramLabel = "S",
            description =
                    "What every ingredient's way from the base is multiplied by, up to 1 (default:"
                            + " ${DEFAULT-VALUE}).")
    private List<Double> scales = List.of();

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of that choice and of the noise (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin private DeviceFlag device = new DeviceFlag();

    @Override
    protected void run(Console console) {
        if (models.isEmpty() == stepsOf.isEmpty()) {
            throw misuse("Give the ingredients either with --model or with --steps-of.");
        }
        if (models.size() + stepsOf.size() < 2) {
            throw misuse(
                    "an average needs at least two ingredients; give %s twice or more."
                            .formatted(stepsOf.isEmpty() ? "--model" : "--steps-of"));
        }
        LinearStudy.KIND.checkOwn(out);
        List<TuningStage> stages =
                stepsOf.isEmpty()
                        ? List.of(new TuningStage("the ingredients", models))
                        : TuningStage.of(stepsOf);
        String ref =
                shard.orElseGet(() ->
                        Path.of(System.getProperty(ProjectFiles.HOME, ""), "shards/emoji")
                                + "#split=heldout");
        LinearResults results;
        try (Progress progress = console.progress()) {
            results =
                    new LinearStudy(
                                    base,
                                    stages,
                                    ShardRef.parse(ref).open(),
                                    rows,
                                    scales,
                                    seed,
                                    progress)
                            .run(out);
        }
        console.result(results, text -> print(results, text));
    }

    private void print(LinearResults results, PrintWriter text) {
        TextTable t =
                new TextTable("", "|Δw|", "gap / effect", "Eq. 4 remainder", "gap", "exponent");
        for (LinearResults.Stage s : results.stages()) {
            t.row(
                    s.name(),
                    String.format(Locale.ROOT, "%.2e", s.distance()),
                    s.overall().relative().format(3),
                    s.overall().taylor().format(3),
                    s.overall().gap().format(5),
                    s.exponent().format(2));
        }
        t.print(text);
        text.println();
        LinearResults.Stage last = results.stages().getLast();
        TextTable g = new TextTable("t", "sigma", "gap / effect", "Eq. 4 remainder");
        for (LinearResults.AtTimestep at : last.byTimestep()) {
            g.row(
                    at.timestep(),
                    String.format(Locale.ROOT, "%.3f", at.sigma()),
                    at.gap().relative().format(3),
                    at.gap().taylor().format(3));
        }
        text.println(last.name() + " by timestep");
        g.print(text);
        text.println(results.verdict());
        text.println(out);
    }
}
