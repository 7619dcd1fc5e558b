package org.diffusionsoup.cli.judge;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.classify.ShardClassifierTrainer;
import org.diffusionsoup.workbench.classify.ShardClassifierTrainer.Accuracy;
import org.diffusionsoup.workbench.job.Resumption;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup judge classifier}. */
@Command(
        name = "classifier",
        description = {
            "Train a small network that says which shard a noised latent comes from, at any"
                    + " timestep: soup generate --ensemble --classifier weighs models by it.",
            "A fifth of each shard's rows is held out; how often it is right about them is printed"
                    + " over the timesteps. Stopped at any point, the same command goes on."
        },
        footer = {
            "  soup judge classifier --base models/emoji-base --shard 'shards/emoji#domain=animals'"
                    + " --shard 'shards/emoji#domain=food' --work judging -o which-domain",
            "  soup generate --model animals --model food --ensemble --classifier which-domain"
                    + " --prompt \"noto dog\" -o dog.png"
        })
final class JudgeClassifierCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--base",
            required = true,
            paramLabel = "DIR",
            description = "The base that the models were fine-tuned from.")
    private Path base = Path.of(".");

    @Option(
            names = "--shard",
            required = true,
            paramLabel = "SHARD",
            description =
                    "A shard per model that it will tell apart. Models are matched by the shards that"
                            + " they record, in whatever order they are given; those that record"
                            + " none are taken in the order of the shards.")
    private List<String> shards = List.of();

    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder of checkpoints and the loss curve.")
    private Path work = Path.of(".");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the classifier; an earlier one is replaced.")
    private Path out = Path.of(".");

    @Option(
            names = "--steps",
            defaultValue = "" + ShardClassifierTrainer.STEPS,
            paramLabel = "N",
            description = "Optimizer steps of 32 latents (default: ${DEFAULT-VALUE}).")
    private long steps;

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) {
        if (steps < 1) {
            throw misuse("--steps must be at least 1, not " + steps + ".");
        }
        ModelOutput.WEIGHTS_FOLDER.check(out, true);
        Optional<List<Accuracy>> accuracy;
        long before;
        try (FolderLock alone = FolderLock.hold(work);
                Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            before =
                    Resumption.tell(
                            progress,
                            "The classifier",
                            Resumption.stateIn(work, "classifier"),
                            steps);
            accuracy =
                    new ShardClassifierTrainer(base, shards, shards, work, progress, interrupt)
                            .run(steps, seed, out);
        }
        if (accuracy.isEmpty()) {
            console.stopped(Resumption.stopped(Resumption.stateIn(work, "classifier"), steps));
            return;
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("classifier", out.toString());
        json.put("shards", shards);
        json.put("resumedFrom", before);
        List<Object> bands = new ArrayList<>();
        TextTable table = new TextTable("timesteps", "right", "95 % interval");
        for (Accuracy a : accuracy.get()) {
            Interval i = a.right().interval(0.95);
            bands.add(
                    Map.of(
                            "from_timestep",
                            a.from(),
                            "to_timestep",
                            a.to(),
                            "right",
                            i.estimate(),
                            "low",
                            i.low(),
                            "high",
                            i.high()));
            table.row(
                    a.from() + " to " + a.to(),
                    String.format(Locale.ROOT, "%.1f %%", 100 * i.estimate()),
                    String.format(Locale.ROOT, "%.1f to %.1f %%", 100 * i.low(), 100 * i.high()));
        }
        json.put("held_out_accuracy", bands);
        console.result(
                json,
                text -> {
                    table.print(text);
                    text.printf(Locale.ROOT, "By chance: %.1f %%.%n", 100.0 / shards.size());
                    text.println(out);
                });
    }
}
