package org.diffusionsoup.cli.registry;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.search.SearchOutput;
import org.diffusionsoup.core.search.JournalNotes;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.workbench.registry.RegistrySearch;

/**
 * What a withdrawal says that is ended before its time: whether the ledger has it, which is one
 * transaction near its end, and what is kept of searches that it made again.
 */
final class WithdrawalStop implements RegistrySearch.Watcher {
    private final Console console;
    private final RegistryFlag registry;
    private final long before;
    private volatile Optional<Path> journal = Optional.empty();

    private WithdrawalStop(Console console, RegistryFlag registry, long before) {
        this.console = console;
        this.registry = registry;
        this.before = before;
    }

    /** Says it from now on. */
    static WithdrawalStop of(Console console, RegistryFlag flag, Registry r) {
        WithdrawalStop stop = new WithdrawalStop(console, flag, r.read(WithdrawalStop::newest));
        console.onStop(stop::sentence);
        return stop;
    }

    private static long newest(Queries q) {
        return q.withdrawals().stream().mapToLong(w -> w).max().orElse(0);
    }

    @Override
    public ScoreBook.Listener begin(List<String> names, Path file) {
        journal = Optional.of(file);
        return SearchOutput.listener(console, names);
    }

    private String sentence() {
        long now;
        try {
            now = registry.openToRead().read(WithdrawalStop::newest);
        } catch (RuntimeException e) { // such as a server that is gone
            return "Stopped; 'soup log' says whether it was withdrawn, and if not, the same command"
                    + " begins again.";
        }
        if (now > before) {
            return ("Stopped; it is withdrawn, by entry %d. 'soup gc' deletes what weights are left"
                            + " and keeps the certificate, and 'soup certificate %d --out FILE' writes it.")
                    .formatted(now, now);
        }
        return journal.filter(JournalNotes::areIn)
                .map(file ->
                        "Stopped; nothing was withdrawn. Candidates scored so far are in "
                                + file
                                + ", and the same command goes on from there.")
                .orElse("Stopped; nothing was withdrawn, and the same command begins again.");
    }
}
