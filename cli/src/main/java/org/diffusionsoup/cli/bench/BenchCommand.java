package org.diffusionsoup.cli.bench;

import java.nio.file.Path;
import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup bench}: measurements of this machine. */
@Command(
        name = "bench",
        description = "Measure what this machine makes of the project's heavy work.",
        subcommands = {
            BenchTrainCommand.class,
            BenchUNetCommand.class,
            BenchGenerateCommand.class,
            BenchJudgeCommand.class,
            BenchMakeCheckpointsCommand.class,
            BenchMakeModelCommand.class,
            BenchMergeCommand.class,
            BenchResidueCommand.class,
            BenchSearchCommand.class,
            BenchRegistryCommand.class
        },
        footer = "  soup bench train --steps 200")
public final class BenchCommand extends CommandGroup {
    /** What is said of a measurement that was stopped. */
    static String stopped(Path work) {
        return "Stopped; nothing was measured to its end. What it measures with is in %s, and the same command begins again."
                .formatted(work);
    }
}
