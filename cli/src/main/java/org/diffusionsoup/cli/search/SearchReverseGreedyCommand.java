package org.diffusionsoup.cli.search;

import org.diffusionsoup.core.search.ReverseGreedy;
import org.diffusionsoup.core.search.SearchMethod;
import picocli.CommandLine.Command;

/** {@code soup search reverse-greedy}. */
@Command(
        name = "reverse-greedy",
        description = {
            "Reverse greedy soup (paper, Section 4.2): from the uniform soup, ingredients are taken"
                    + " out in order of increasing score of their own, each kept out only if the"
                    + " score improves.",
            "At most 2n + 1 candidates of n ingredients."
        },
        footer =
                "  soup search reverse-greedy noto/ fluent/ twemoji/ --judge models/emoji-clip"
                        + " --prompts prompts.txt --validation 20 --seeds 0-3 -o my-soup/")
final class SearchReverseGreedyCommand extends SearchBase {
    @Override
    SearchMethod method() {
        return new ReverseGreedy();
    }
}
