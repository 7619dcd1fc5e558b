package org.diffusionsoup.cli.registry.arrival;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup base}: models that ingredients start from. */
@Command(
        name = "base",
        description = "The models that a registry's ingredients start from.",
        subcommands = {BaseAddCommand.class, BaseListCommand.class},
        footer = {"  soup base add emoji models/emoji-base", "  soup base list"})
public final class BaseCommand extends CommandGroup {}
