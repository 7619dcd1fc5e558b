package org.diffusionsoup.cli.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.bench.SearchBenchmark;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup bench search}: what forming candidates costs. */
@Command(
        name = "search",
        description = {
            "Measure greedy and reverse greedy search over F16 checkpoints of SD 2.1's UNet shape"
                    + " with a scorer that costs nothing, against reading one ingredient from the page"
                    + " cache.",
            "The ratio is time / (candidates × time to read one ingredient). With 9 ingredients of"
                    + " a quarter of the UNet the work folder takes 3.9 GB."
        },
        footer = "  soup bench search --work /tmp/bench")
final class BenchSearchCommand extends SoupCommand {
    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder for the checkpoints.")
    private Path work = Path.of(".");

    @Option(
            names = "--divisor",
            defaultValue = "4",
            paramLabel = "N",
            description =
                    "Part of SD 2.1's UNet to take: every tensor's first dimension divided by it"
                            + " (default: ${DEFAULT-VALUE}).")
    private int divisor;

    @Option(
            names = "--ingredients",
            defaultValue = "9",
            paramLabel = "N",
            description = "How many, 2 to 9 (default: ${DEFAULT-VALUE}).")
    private int ingredients;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads that read and add (default: all processors).")
    private Optional<Integer> threads = Optional.empty();

    @Option(
            names = "--tries",
            defaultValue = "3",
            paramLabel = "N",
            description =
                    "Time everything so often and take the least (default: ${DEFAULT-VALUE}).")
    private int tries;

    @Override
    protected String stopped() {
        return BenchCommand.stopped(work);
    }

    @Override
    protected void run(Console console) throws IOException {
        if (ingredients < 2 || ingredients > 9 || tries < 1 || divisor < 1) {
            throw misuse("--ingredients goes from 2 to 9, and --tries and --divisor from 1.");
        }
        int workers = Count.threads(threads, this::misuse);
        List<SearchBenchmark.Row> rows;
        try (Progress progress = console.progress()) {
            rows = new SearchBenchmark(work, workers, tries, progress).run(divisor, ingredients);
        }
        console.result(
                Map.of("threads", workers, "ingredients", ingredients, "rows", rows),
                text -> {
                    text.println(
                            "| search | scorer reads | candidates | reads | s | read one, s | ratio"
                                    + " | in memory, of 3 ingredients | process grew, of 3 | from files"
                                    + " |");
                    text.println("|---|---|---|---|---|---|---|---|---|---|");
                    for (SearchBenchmark.Row r : rows) {
                        double three = 3.0 * r.ingredientBytes();
                        text.printf(
                                java.util.Locale.ROOT,
                                "| %s | %s | %d | %d | %.2f | %.3f | %.2f | %.2f | %.2f | %.2f %%"
                                        + " |%n",
                                r.method(),
                                r.looked() ? "everything" : "nothing",
                                r.candidates(),
                                r.reads(),
                                r.seconds(),
                                r.readSeconds(),
                                r.ratio(),
                                r.heldBytes() / three,
                                r.residentBytes() / three,
                                100 * r.outside());
                    }
                });
    }
}
