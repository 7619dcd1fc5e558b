package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.io.ProjectFiles;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.study.CostResults;
import org.diffusionsoup.workbench.study.CostStudy;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup study costs}. */
@Command(
        name = "costs",
        description = {
            "Section 5.2 of the paper, measured: time per picture and memory of a soup of n models,"
                    + " which is one model whatever n, and of an ensemble of n, which holds and"
                    + " calls n; and the exponents by which they grow with n.",
            "Soups and ensembles take turns; all of them are in memory. Writes costs.json and"
                    + " costs.html."
        },
        footer = {
            "  soup study costs -o costs/",
            "  soup study costs --model models/emoji-base --members 1,2,4 --pictures 1 -o costs/"
        })
final class StudyCostsCommand extends SoupCommand {
    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the results; those of an earlier run are replaced.")
    private Path out = Path.of(".");

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "The model that is copied (default: models/web-base).")
    private Optional<Path> model = Optional.empty();

    @Option(
            names = "--members",
            split = ",",
            defaultValue = "1,2,4,8,16",
            paramLabel = "N",
            description = "Numbers n of models (default: ${DEFAULT-VALUE}).")
    private List<Integer> members = List.of();

    @Option(
            names = "--pictures",
            defaultValue = "4",
            paramLabel = "N",
            description = "Pictures of each repeat, drawn together (default: ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(
            names = "--steps",
            defaultValue = "12",
            paramLabel = "N",
            description = "Denoising steps (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--repeats",
            defaultValue = "5",
            paramLabel = "N",
            description = "Repeats that the medians are over (default: ${DEFAULT-VALUE}).")
    private int repeats;

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of the first picture (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin private DeviceFlag device = new DeviceFlag();

    @Override
    protected void run(Console console) {
        CostStudy.KIND.checkOwn(out);
        Path copied =
                model.orElseGet(() ->
                        Path.of(System.getProperty(ProjectFiles.HOME, ""), "models/web-base"));
        CostResults results;
        try (Progress progress = console.progress()) {
            results =
                    new CostStudy(
                                    copied,
                                    members,
                                    new CostStudy.Drawing(pictures, steps, seed),
                                    repeats,
                                    progress)
                            .run(out);
        }
        console.result(results, text -> print(results, text));
    }

    private void print(CostResults results, PrintWriter text) {
        TextTable t =
                new TextTable(
                        "n",
                        "soup, CPU s/picture",
                        "ensemble, CPU s/picture",
                        "ratio",
                        "soup, MB",
                        "ensemble, MB");
        for (CostResults.Row row : results.rows()) {
            t.row(
                    row.members(),
                    row.soup().processorSecondsPerPicture().format(4),
                    row.ensemble().processorSecondsPerPicture().format(4),
                    row.ratio().format(2),
                    megabytes(row.soup()),
                    megabytes(row.ensemble()));
        }
        t.print(text);
        text.println();
        CostResults.Growth soup = results.exponents().soup();
        CostResults.Growth ensemble = results.exponents().ensemble();
        text.printf(
                Locale.ROOT,
                "processor time grows as n^p: soup p = %s, ensemble p = %s%n",
                soup.processorSeconds().format(2),
                ensemble.processorSeconds().format(2));
        text.printf(
                Locale.ROOT,
                "weights held grow as n^p: soup p = %.2f, ensemble p = %.2f%n",
                soup.weightBytes(),
                ensemble.weightBytes());
        text.println(out);
    }

    private static String megabytes(CostResults.Cost cost) {
        return String.format(Locale.ROOT, "%.1f", cost.weightBytes() / 1e6);
    }
}
