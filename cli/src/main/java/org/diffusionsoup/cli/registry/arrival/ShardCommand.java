package org.diffusionsoup.cli.registry.arrival;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup shard}: whose pictures a registry knows. */
@Command(
        name = "shard",
        description = "The shards that a registry knows: whose pictures, under what terms.",
        subcommands = {ShardAddCommand.class, ShardListCommand.class},
        footer = {"  soup shard add noto --data 'shards/emoji#provider=noto'", "  soup shard list"})
public final class ShardCommand extends CommandGroup {}
