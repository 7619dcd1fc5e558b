package org.diffusionsoup.cli.judge;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.diffusionsoup.cli.command.SamplingFlags;
import org.diffusionsoup.cli.command.ShardFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.HeldOutLoss;
import org.diffusionsoup.workbench.evaluate.LossTable;
import picocli.CommandLine.Option;

/** The options of {@code soup score} that measure a loss instead of having pictures judged. */
final class LossFlags {
    /** What draws or judges, and so has no meaning for a loss. */
    private static final List<String> NOT_FOR_LOSS =
            List.of(
                    "--judge",
                    "--questions",
                    "--convention",
                    "--prompt",
                    "--prompts",
                    "--retrieval",
                    "--vae",
                    "--steps",
                    "--guidance",
                    "--negative",
                    "--scheduler",
                    "--size",
                    "--batch");

    @Option(
            names = "--loss",
            description =
                    "Instead of scores: how well models predict the noise in the shard's pictures,"
                            + " which training minimises; several are compared with the first,"
                            + " paired by picture.")
    private boolean on;

    @Option(
            names = "--draws",
            defaultValue = "" + HeldOutLoss.DRAWS,
            paramLabel = "K",
            description =
                    "With --loss: noisings per picture, one from each of K equal parts of the"
                            + " timesteps (default: ${DEFAULT-VALUE}).")
    private int draws;

    /** Whether a loss is asked for. */
    boolean isOn(SoupCommand command) {
        if (!on && command.isGiven("--draws")) {
            throw command.misuse("--draws goes with --loss.");
        }
        return on;
    }

    void run(
            SoupCommand command,
            Console console,
            List<Path> models,
            ShardFlags shard,
            SamplingFlags sampling) {
        for (String option : NOT_FOR_LOSS) {
            if (command.isGiven(option)) {
                throw command.misuse(
                        "--loss draws and judges no pictures, so %s says nothing here; leave it out."
                                .formatted(option));
            }
        }
        if (models.isEmpty()) {
            throw command.misuse("missing --model DIR: whose loss?");
        }
        if (sampling.seeds().size() != 1) {
            throw command.misuse("--loss takes one --seed; for a steadier loss give more --draws.");
        }
        long seed = sampling.seeds().getFirst();
        Shard rows = shard.open(false, OptionalInt.empty());
        try (Progress progress = console.progress()) {
            HeldOutLoss measure =
                    new HeldOutLoss(rows, draws, seed, sampling.settings().mayBeLong());
            LossTable table = measure.compare(models, Bootstrap.seeded(0), progress);
            progress.close();
            LossOutput output = new LossOutput(table, rows, shard.text(), draws, seed);
            console.result(output.json(), output::print);
            table.rows().forEach(r -> r.loss().notes().forEach(console::note));
        }
    }
}
