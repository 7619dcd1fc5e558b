package org.diffusionsoup.cli.judge;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup judge}: small judges of one's own. */
@Command(
        name = "judge",
        description = "Judges: make questions, train small ones, check how far to trust them.",
        subcommands = {
            JudgeQuestionsCommand.class,
            JudgeTrainCommand.class,
            JudgeCheckCommand.class,
            JudgeClassifierCommand.class
        },
        footer = {
            "  soup judge questions shards/emoji -o questions.json",
            "  soup judge train clip --data shards/emoji --work judging -o my-clip",
            "  soup judge check --data shards/emoji"
        })
public final class JudgeCommand extends CommandGroup {}
