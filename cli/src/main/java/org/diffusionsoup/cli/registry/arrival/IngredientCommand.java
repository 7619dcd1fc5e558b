package org.diffusionsoup.cli.registry.arrival;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup ingredient}: what was trained on which shard. */
@Command(
        name = "ingredient",
        description = "The ingredients that a registry knows.",
        subcommands = {
            IngredientAddCommand.class,
            IngredientListCommand.class,
            IngredientRetireCommand.class
        },
        footer = {
            "  soup ingredient add noto --weights noto/ --base emoji --shard noto",
            "  soup ingredient list"
        })
public final class IngredientCommand extends CommandGroup {}
