package org.diffusionsoup.cli.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.bench.ResidueBenchmark;
import org.diffusionsoup.bench.ResidueBenchmark.Residue;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup bench residue}: what removal by formula leaves of an ingredient. */
@Command(
        name = "residue",
        description = {
            "Measure what the paper's formula (w_soup - k w) / (1 - k) leaves of a removed"
                    + " ingredient, against averaging the others afresh.",
            "Withdrawing by a kept sum leaves nothing: its bytes are those of averaging afresh."
        },
        footer = "  soup bench residue --work /tmp/bench")
final class BenchResidueCommand extends SoupCommand {
    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder for the checkpoints.")
    private Path work = Path.of(".");

    @Option(
            names = "--divisor",
            defaultValue = "16",
            paramLabel = "N",
            description =
                    "Part of SD 2.1's UNet to take: every tensor's first dimension divided by it"
                            + " (default: ${DEFAULT-VALUE}).")
    private int divisor;

    @Override
    protected String stopped() {
        return BenchCommand.stopped(work);
    }

    @Override
    protected void run(Console console) throws IOException {
        List<Residue> rows = new ArrayList<>();
        try (Progress progress = console.progress()) {
            ResidueBenchmark bench = new ResidueBenchmark(work, progress);
            for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
                for (int n : new int[] {2, 4, 9}) {
                    rows.add(bench.measure(dtype, divisor, n));
                }
            }
        }
        console.result(
                Map.of("rows", rows),
                text -> {
                    text.println(
                            "| dtype | n | elements that differ | mean | largest | correlation with the removed Δw | chance |");
                    text.println("|---|---|---|---|---|---|---|");
                    for (Residue r : rows) {
                        text.printf(
                                Locale.ROOT,
                                "| %s | %d | %.1f %% | %.2f ulp | %.0f ulp | %+.5f | ±%.5f |%n",
                                r.dtype(),
                                r.ingredients(),
                                100 * r.differing(),
                                r.meanUlp(),
                                r.largestUlp(),
                                r.correlation(),
                                r.noise());
                    }
                });
    }
}
