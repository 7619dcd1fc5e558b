package org.diffusionsoup.cli.search;

import org.diffusionsoup.core.search.LeaveOneOut;
import org.diffusionsoup.core.search.SearchMethod;
import picocli.CommandLine.Command;

/** {@code soup search leave-one-out}. */
@Command(
        name = "leave-one-out",
        description = {
            "Leave each ingredient out of the uniform soup in turn (paper, Section 6.2 and Fig. 4):"
                    + " what each one adds, and which soup is best.",
            "n + 1 candidates of n ingredients."
        },
        footer =
                "  soup search leave-one-out noto/ fluent/ twemoji/ --judge models/emoji-clip"
                        + " --prompts prompts.txt --validation 20 -o my-soup/")
final class SearchLeaveOneOutCommand extends SearchBase {
    @Override
    SearchMethod method() {
        return new LeaveOneOut();
    }
}
