package org.diffusionsoup.cli.bench;

import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.bench.RandomModel;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup bench make-model}: a whole model of a published one's size, without its weights. */
@Command(
        name = "make-model",
        description = {
            "Make a model of the size of Stable Diffusion with random weights, as a diffusers folder,"
                    + " to see what drawing, training and merging take where no weights are. It"
                    + " draws noise.",
            "The same options give the same bytes."
        },
        footer = {
            "  soup bench make-model --shape sd-2.1 -o /tmp/sd21",
            "  soup bench make-model --shape sdxl -o /tmp/sdxl",
            "  soup convert /tmp/sdxl -o /tmp/sdxl.safetensors"
        })
final class BenchMakeModelCommand extends SoupCommand {
    @Option(
            names = "--shape",
            required = true,
            paramLabel = "NAME",
            description = "sd-1.5 (2.1 GB in F16), sd-2.1 (2.6 GB) or sdxl (6.9 GB).")
    private String shape = "";

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "New folder of the model.")
    private Path out = Path.of(".");

    @Option(
            names = "--dtype",
            defaultValue = "F16",
            paramLabel = "DTYPE",
            description = "F32 or F16 (default: ${DEFAULT-VALUE}).")
    private DType dtype = DType.F16;

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of the weights (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) {
        if (dtype != DType.F16 && dtype != DType.F32) {
            throw misuse("--dtype must be F16 or F32, not " + dtype + ".");
        }
        try (Progress progress = console.progress()) {
            RandomModel.write(shape, out, dtype, seed, progress);
        }
        console.result(Map.of("model", out.toString()), text -> text.println(out));
    }
}
