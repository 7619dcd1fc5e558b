package org.diffusionsoup.cli.search;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup search}: which ingredients, and how much of each. */
@Command(
        name = "search",
        description = "Search for the coefficients of the best soup, as a judge sees it.",
        subcommands = {
            SearchGreedyCommand.class,
            SearchReverseGreedyCommand.class,
            SearchLeaveOneOutCommand.class,
            SearchSimplexCommand.class
        },
        footer =
                "  soup search greedy noto/ fluent/ twemoji/ --judge models/emoji-clip --prompts"
                        + " prompts.txt -o my-soup/")
public final class SearchCommand extends CommandGroup {}
