package org.diffusionsoup.cli.judge;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup study}: what the paper claims, as runs. */
@Command(
        name = "study",
        description = "Repeat the paper's tables and figures, and check what it claims.",
        subcommands = {
            StudyRunCommand.class,
            StudyReportCommand.class,
            StudyPropositionsCommand.class,
            StudyLinearCommand.class,
            StudyCostsCommand.class,
            StudyNafCommand.class
        },
        footer = {
            "  soup study run table1 -o studies/",
            "  soup study propositions -o propositions/"
        })
public final class StudyCommand extends CommandGroup {}
