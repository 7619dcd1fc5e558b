package org.diffusionsoup.cli.data;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup data}: shards of captioned pictures. */
@Command(
        name = "data",
        description = "Shards of captioned pictures: build, import, look, curate.",
        subcommands = {
            DataListCommand.class,
            DataInspectCommand.class,
            DataBuildScenesCommand.class,
            DataScenesCommand.class,
            DataSheetCommand.class,
            DataImportCommand.class,
            DataRetrieveCommand.class,
            DataFilterCommand.class,
            DataDamageCommand.class,
            DataSplitCommand.class,
            DataDedupCommand.class,
            DataDrawingsCommand.class,
            DataBuildDrawingsCommand.class,
            DataBuildEmojiCommand.class
        },
        footer = {
            "  soup data list shards/emoji",
            "  soup data import photos --out photos.tar --provider me --licence CC0-1.0"
        })
public final class DataCommand extends CommandGroup {}
