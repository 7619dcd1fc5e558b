package org.diffusionsoup.cli.search;

import org.diffusionsoup.core.search.Greedy;
import org.diffusionsoup.core.search.SearchMethod;
import picocli.CommandLine.Command;

/** {@code soup search greedy}. */
@Command(
        name = "greedy",
        description = {
            "Greedy soup (paper, Section 4.2): the best single ingredient, then the others in order"
                    + " of their own scores, each kept only if the score improves.",
            "2n - 1 candidates of n ingredients, formed in memory and drawn from the same noise. A"
                    + " killed search goes on from its journal."
        },
        footer = {
            "  soup search greedy noto/ fluent/ twemoji/ --judge models/emoji-clip --prompts"
                    + " prompts.txt --validation 20 --seeds 0-3 -o my-soup/",
            "  soup search greedy noto/ fluent/ --judge models/emoji-clip --shard shards/emoji"
                    + " --subjects 60 --accept clear --page search.html -o my-soup/",
            "  soup search greedy noto/ fluent/ --judge tifa:models/emoji-vqa --questions"
                    + " questions.json -o my-soup/"
        })
final class SearchGreedyCommand extends SearchBase {
    @Override
    SearchMethod method() {
        return new Greedy();
    }
}
