package org.diffusionsoup.cli.search;

import org.diffusionsoup.core.search.CoordinateDescent;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.core.search.SimplexSearch;
import org.diffusionsoup.workbench.search.CmaEs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup search simplex}. */
@Command(
        name = "simplex",
        description = {
            "Search for coefficients of all sizes (paper, Eq. 6; beyond its greedy methods), from"
                    + " the uniform soup, until the budget is spent or nothing better is found.",
            "The chosen soup takes the uniform one's place only if --accept agrees."
        },
        footer = {
            "  soup search simplex noto/ fluent/ twemoji/ --judge models/emoji-clip --prompts"
                    + " prompts.txt --validation 20 --budget 40 -o my-soup/",
            "  soup search simplex noto/ fluent/ --judge models/emoji-clip --prompts prompts.txt"
                    + " --validation 20 --budget 60 --optimizer cma-es --search-seed 1 -o my-soup/"
        })
final class SearchSimplexCommand extends SearchBase {
    @Option(
            names = "--optimizer",
            defaultValue = "coordinate-descent",
            paramLabel = "NAME",
            description =
                    "coordinate-descent or cma-es, whose candidates read all ingredients (default:"
                            + " ${DEFAULT-VALUE}).")
    private String optimizer = "";

    @Option(
            names = "--search-seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of cma-es (default: ${DEFAULT-VALUE}).")
    private long searchSeed;

    @Override
    SearchMethod method() {
        return switch (optimizer) {
            case "coordinate-descent" -> new SimplexSearch(new CoordinateDescent(), searchSeed);
            case "cma-es" -> new SimplexSearch(new CmaEs(), searchSeed);
            default ->
                    throw misuse(
                            "--optimizer '"
                                    + optimizer
                                    + "' is unknown; use coordinate-descent or cma-es.");
        };
    }

    @Override
    int defaultBudget() {
        return SearchMethods.SIMPLEX_BUDGET;
    }
}
