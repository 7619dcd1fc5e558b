package org.diffusionsoup.cli.command;

import picocli.CommandLine.Command;

/** {@code soup base}: models that ingredients start from. */
@Command(
        name = "base",
        description = "The models that a registry's ingredients start from.",
        subcommands = BaseAddCommand.class,
        footer = "  soup base add emoji models/emoji-base")
final class BaseCommand extends CommandGroup {}
