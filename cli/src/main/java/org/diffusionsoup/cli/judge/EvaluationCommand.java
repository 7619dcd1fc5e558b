package org.diffusionsoup.cli.judge;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup evaluation}: what was measured of soups. */
@Command(
        name = "evaluation",
        description = "What was measured of a registry's soups.",
        subcommands = EvaluationAddCommand.class,
        footer = "  soup evaluation add everyone --what review --passed --result review.pdf")
public final class EvaluationCommand extends CommandGroup {}
