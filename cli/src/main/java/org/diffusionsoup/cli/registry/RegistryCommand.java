package org.diffusionsoup.cli.registry;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup registry}: soups by the names of registered ingredients. */
@Command(
        name = "registry",
        description = "Soups of registered ingredients; see also init, shard, update, withdraw.",
        subcommands = {RegistryMakeCommand.class, RegistryCorrectCommand.class},
        footer = {"  soup registry make everyone --follow", "  soup registry correct noto"})
public final class RegistryCommand extends CommandGroup {}
