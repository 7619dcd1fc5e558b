package org.diffusionsoup.cli.bench;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.bench.GenerateBenchmark;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup bench generate}: pictures in one batch and one by one, a soup and ensembles. */
@Command(
        name = "generate",
        description =
                "Measure drawing: seconds per picture in one batch and one by one, of a soup, which is"
                        + " one model, and of ensembles, whose members are copies of it.",
        footer = {
            "  soup bench generate --model models/emoji-base",
            "  soup bench generate --model my-sd --pictures 2 --steps 2 --members 2 --repeats 1"
        })
final class BenchGenerateCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Model that draws, a folder or a single file.")
    private Path model = Path.of(".");

    @Option(
            names = "--pictures",
            defaultValue = "16",
            paramLabel = "N",
            description = "Pictures to draw (default: ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(
            names = "--steps",
            defaultValue = "25",
            paramLabel = "N",
            description = "Denoising steps (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--members",
            split = ",",
            defaultValue = "2,4,8",
            paramLabel = "N",
            description = "Members of the ensembles (default: ${DEFAULT-VALUE}).")
    private List<Integer> members = List.of();

    @Option(
            names = "--repeats",
            defaultValue = "3",
            paramLabel = "N",
            description =
                    "How often each way is measured; the fastest counts (default: ${DEFAULT-VALUE}).")
    private int repeats;

    @Option(
            names = "--dtype",
            defaultValue = "F32",
            paramLabel = "DTYPE",
            description =
                    "How weights are held in memory: F32, F16 or BF16 (default: ${DEFAULT-VALUE}).")
    private WeightFormat dtype = WeightFormat.F32;

    @Override
    protected void run(Console console) {
        Path folder = RunnableFolders.runnable(model, console);
        GenerateBenchmark.Result result;
        try (Progress progress = console.progress()) {
            result =
                    new GenerateBenchmark(
                                    new GenerateBenchmark.Request(
                                            folder, pictures, steps, members, repeats, dtype),
                                    progress)
                            .run();
        }
        console.result(result, text -> print(result, text));
    }

    private static void print(GenerateBenchmark.Result r, PrintWriter text) {
        Lines.print(
                text,
                "%s: %d pictures of %s, weights in %s, %d %s",
                r.model(),
                r.pictures(),
                Plural.of(r.steps(), "step"),
                r.weights(),
                r.threads(),
                r.threads() == 1 ? "thread" : "threads");
        Lines.print(text, "");
        Lines.print(
                text,
                "%-24s %10s %10s %12s %12s",
                "",
                "s/picture",
                "pictures/s",
                "to one batch",
                "resident MB");
        for (GenerateBenchmark.Way w : r.ways()) {
            Lines.print(
                    text,
                    "%-24s %10.3f %10.2f %12.2f %12.0f",
                    w.way(),
                    w.secondsPerPicture(),
                    1 / w.secondsPerPicture(),
                    w.toBatch(),
                    w.peakResidentBytes() / 1e6);
        }
    }
}
