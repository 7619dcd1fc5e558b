package org.diffusionsoup.cli.judge;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup study}: what the paper claims, as runs. */
@Command(
        name = "study",
        description = "Check what the paper claims.",
        subcommands = {
            StudyPropositionsCommand.class,
            StudyCostsCommand.class,
            StudyLinearCommand.class,
            StudyNafCommand.class
        },
        footer = "  soup study propositions -o propositions/")
public final class StudyCommand extends CommandGroup {}
