package org.diffusionsoup.cli.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.bench.RegistryBenchmark;
import org.diffusionsoup.bench.RegistryBenchmark.Command;
import org.diffusionsoup.bench.RegistryBenchmark.LedgerResult;
import org.diffusionsoup.bench.WithdrawalBenchmark;
import org.diffusionsoup.bench.WithdrawalBenchmark.Time;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Option;

/** {@code soup bench registry}: what asking and withdrawing costs. */
@picocli.CommandLine.Command(
        name = "registry",
        description = {
            "Measure show, lineage and withdraw on a ledger of 1,000 shards and 200 soups, as whole"
                    + " processes and beyond what soup --version takes; and a withdrawal from a"
                    + " soup of 9 F16 checkpoints of SD 2.1's UNet shape, against averaging the others"
                    + " again (with hashes remembered and not) and copying one checkpoint, beside"
                    + " what SHA-256 alone takes.",
            "With a quarter of the UNet the work folder takes up to 10 GB, with all of it 40 GB."
        },
        footer = {
            "  soup bench registry --work /tmp/bench",
            "  soup bench registry --work /tmp/bench --divisor 1 --shards 0"
        })
final class BenchRegistryCommand extends SoupCommand {
    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder for checkpoints, which stay, and registries, which do not.")
    private Path work = Path.of(".");

    @Option(
            names = "--shards",
            defaultValue = "1000",
            paramLabel = "N",
            description = "Shards in the ledger; 0 leaves it out (default: ${DEFAULT-VALUE}).")
    private int shards;

    @Option(
            names = "--soups",
            defaultValue = "200",
            paramLabel = "N",
            description = "Soups in the ledger (default: ${DEFAULT-VALUE}).")
    private int soups;

    @Option(
            names = "--samples",
            defaultValue = "100",
            paramLabel = "N",
            description = "Pictures of each shard (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(
            names = "--divisor",
            defaultValue = "4",
            paramLabel = "N",
            description =
                    "Part of SD 2.1's UNet to withdraw from: every tensor's first dimension divided"
                            + " by it (default: ${DEFAULT-VALUE}).")
    private int divisor;

    @Option(
            names = "--ingredients",
            defaultValue = "9",
            paramLabel = "N",
            description =
                    "Ingredients of the soup, from 2; 0 leaves it out (default: ${DEFAULT-VALUE}).")
    private int ingredients;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads that average (default: all processors).")
    private Optional<Integer> threads = Optional.empty();

    @Option(
            names = "--tries",
            defaultValue = "3",
            paramLabel = "N",
            description =
                    "Time every command so often and take the least (default: ${DEFAULT-VALUE}).")
    private int tries;

    @Override
    protected String stopped() {
        return BenchCommand.stopped(work);
    }

    @Override
    protected void run(Console console) throws IOException {
        if (tries < 1 || divisor < 1 || samples < 1) {
            throw misuse("--tries, --divisor and --samples go from 1.");
        }
        if (shards != 0 && (shards < 4 * tries || soups < 1)) {
            throw misuse("--shards must be 0 or at least four times --tries, and --soups 1.");
        }
        if (ingredients != 0 && ingredients < 2) {
            throw misuse("--ingredients must be 0 or at least 2, not " + ingredients + ".");
        }
        int workers = Count.threads(threads, this::misuse);
        Optional<LedgerResult> ledger = Optional.empty();
        Optional<WithdrawalBenchmark.Result> withdrawal = Optional.empty();
        try (Progress progress = console.progress()) {
            RegistryBenchmark bench = new RegistryBenchmark(work, workers, tries, progress);
            if (shards > 0) {
                ledger = Optional.of(bench.ledger(shards, soups, samples));
            }
            if (ingredients > 0) {
                withdrawal =
                        Optional.of(
                                new WithdrawalBenchmark(work, workers, tries, progress)
                                        .run(divisor, ingredients));
            }
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("threads", workers);
        ledger.ifPresent(l -> json.put("ledger", l));
        withdrawal.ifPresent(w -> json.put("withdrawal", w));
        Optional<LedgerResult> asked = ledger;
        Optional<WithdrawalBenchmark.Result> left = withdrawal;
        console.result(
                json,
                text -> {
                    asked.ifPresent(l -> ledger(l, text));
                    left.ifPresent(w -> withdrawal(w, text));
                });
    }

    private static void ledger(LedgerResult l, java.io.PrintWriter text) {
        text.printf(
                Locale.ROOT,
                "Ledger of %,d shards of %s and %,d soups (%,d entries); soup --version takes"
                        + " %.2f s%n%n",
                l.shards(),
                Plural.of(l.samplesPerShard(), "picture"),
                l.soups(),
                l.entries(),
                l.start());
        text.println("| command | s | beyond start, s |");
        text.println("|---|---|---|");
        for (Command c : l.commands()) {
            text.printf(
                    Locale.ROOT,
                    "| %s | %.2f | %.2f |%n",
                    c.command(),
                    c.seconds(),
                    c.beyondStart());
        }
        text.printf(
                Locale.ROOT,
                "%nA withdrawal spends %.2f s in the ledger, weights apart.%n%n",
                l.withdrawLedger());
    }

    private static void withdrawal(WithdrawalBenchmark.Result r, java.io.PrintWriter text) {
        text.printf(
                Locale.ROOT,
                "One of %d ingredients leaves, F16, %s each: %.2f s, of which %.2f s with weights;"
                        + " %.2f s of processors%n%n",
                r.from(),
                Quantity.bytes(r.bytes()),
                r.withdraw().seconds(),
                r.weights(),
                r.withdraw().cpuSeconds());
        text.println("| against | s | ratio | of processors, s | ratio |");
        text.println("|---|---|---|---|---|");
        row("the registry averages the others", r.withdraw(), r.registryAverage(), text);
        row("soup merge of the others, no registry", r.withdraw(), r.firstMerge(), text);
        row("the same, hashes remembered", r.withdraw(), r.rememberedMerge(), text);
        row("one checkpoint is copied and flushed", r.withdraw(), r.copy(), text);
        text.printf(
                Locale.ROOT,
                "%nA first merge takes %.2f times one whose hashes are remembered (%.2f of"
                        + " processors), and %.2f times the SHA-256 of all it reads.%n"
                        + "SHA-256: %s a second by one thread, %s by all together.%n",
                r.firstMerge().over(r.rememberedMerge()),
                r.firstMerge().cpuOver(r.rememberedMerge()),
                r.firstMerge().seconds() / r.hashSeconds(),
                Quantity.bytes((long) r.hashOne()),
                Quantity.bytes((long) r.hashAll()));
    }

    private static void row(String what, Time own, Time other, java.io.PrintWriter text) {
        text.printf(
                Locale.ROOT,
                "| %s | %.2f | %.2f | %.2f | %.2f |%n",
                what,
                other.seconds(),
                own.over(other),
                other.cpuSeconds(),
                own.cpuOver(other));
    }
}
