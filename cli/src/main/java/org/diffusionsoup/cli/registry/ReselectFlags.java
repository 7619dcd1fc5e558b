package org.diffusionsoup.cli.registry;

import java.util.Optional;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.RegistrySearch;
import picocli.CommandLine.Option;

/**
 * What becomes of a search that saw data which leaves: the options of every command that withdraws.
 */
final class ReselectFlags {
    @Option(
            names = "--judge",
            paramLabel = "JUDGE",
            description =
                    "Where the judge of a search that has to be run again is now, if it was moved.")
    private Optional<String> judge = Optional.empty();

    @Option(
            names = "--keep-selection",
            description =
                    "Keep what a search chose with a look at this data instead of searching again;"
                            + " the soup is marked so.")
    private boolean keepSelection;

    boolean keepSelection() {
        return keepSelection;
    }

    Optional<WithdrawRequest.Reselector> reselector(
            Registry registry, RegistrySearch.Watcher watcher, Progress progress) {
        return Optional.of(new RegistrySearch(registry, judge, watcher, progress));
    }
}
