package org.diffusionsoup.cli.bench;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.bench.TrainBenchmark;
import org.diffusionsoup.bench.UNetBenchmark;
import org.diffusionsoup.bench.UNetShape;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup bench unet}: forward passes, memory and loading of a UNet of any size. */
@Command(
        name = "unet",
        description = {
            "Measure forward passes of a UNet with random weights, of Stable Diffusion's sizes or of"
                    + " a model's: seconds, share of the machine's matrix-product peak, memory, and"
                    + " how fast weights are loaded."
        },
        footer = {
            "  soup bench unet --shape sd-2.1 --latents 64",
            "  soup bench unet --shape sdxl --latents 128 --forwards 1 --json",
            "  soup bench unet --shape sd-2.1 --latents 64 --dtype F32,F16,BF16",
            "  soup bench unet --base models/emoji-base --batch 32 --bfloat16"
        })
final class BenchUNetCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--shape",
            paramLabel = "NAME",
            description = "Size of a published model: sd-1.5, sd-2.1 or sdxl (default: sd-1.5).")
    private @Nullable String shape;

    @Option(
            names = "--base",
            paramLabel = "DIR",
            description = "Take the UNet's shape from this folder in diffusers layout instead.")
    private @Nullable Path base;

    @Option(
            names = "--latents",
            paramLabel = "WxH",
            description =
                    "Width and height of the latents, an eighth of the picture's in Stable"
                            + " Diffusion; one number for both (default: what the model was trained"
                            + " on).")
    private @Nullable String latents;

    @Option(
            names = "--batch",
            defaultValue = "1",
            paramLabel = "N",
            description =
                    "Rows of a forward pass; a picture with guidance takes two (default:"
                            + " ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--forwards",
            defaultValue = "3",
            paramLabel = "N",
            description =
                    "Forward passes to time in each number format (default: ${DEFAULT-VALUE}).")
    private int forwards;

    @Option(
            names = "--dtype",
            split = ",",
            defaultValue = "F32",
            paramLabel = "DTYPE",
            description =
                    "Formats that weights are held in, F32, F16 or BF16, one after the other"
                            + " (default: ${DEFAULT-VALUE}).")
    private List<WeightFormat> dtypes = List.of();

    @Option(
            names = "--bfloat16",
            description =
                    "Measure matrix products and convolutions in bfloat16 too; minutes where the"
                            + " processor does not multiply bfloat16 in hardware.")
    private boolean bfloat16;

    @Option(
            names = "--work",
            paramLabel = "DIR",
            description =
                    "Measure loading too, from a file of all weights in F16 that is written to this"
                            + " folder and deleted at the end (1.7 GB for sd-1.5 and sd-2.1, 5.1 GB"
                            + " for sdxl).")
    private @Nullable Path work;

    @Override
    protected void run(Console console) {
        if (shape != null && base != null) {
            throw misuse("--shape and --base both say how large the UNet is; give one of them.");
        }
        UNetShape of =
                base != null
                        ? UNetShape.of(base)
                        : UNetShape.named(shape == null ? "sd-1.5" : shape);
        PictureSize size =
                latents == null ? PictureSize.square(of.side()) : PictureSize.parse(latents);
        UNetBenchmark.Result result;
        try (Progress progress = console.progress()) {
            result =
                    new UNetBenchmark(
                                    new UNetBenchmark.Request(
                                            of,
                                            size.height(),
                                            size.width(),
                                            batch,
                                            forwards,
                                            dtypes,
                                            bfloat16,
                                            TrainBenchmark.Request.GEMM_SECONDS,
                                            Optional.ofNullable(work)),
                                    progress)
                            .run();
        }
        console.result(result, text -> print(result, text));
    }

    private static void print(UNetBenchmark.Result r, PrintWriter text) {
        Lines.print(
                text,
                "%s: %,d weights, latents %d×%d×%d, batch %d, %d text tokens, %d %s; %,.0f GFLOP",
                r.shape(),
                r.parameters(),
                r.latents().get(0),
                r.latents().get(1),
                r.latents().get(2),
                r.batch(),
                r.tokens(),
                r.threads(),
                r.threads() == 1 ? "thread" : "threads",
                r.gflop());
        Lines.print(text, "");
        Lines.print(
                text,
                "%-8s %-9s %14s %10s %10s %12s %10s %8s %12s",
                "weights",
                "forward",
                "GEMM GFLOP/s",
                "fastest s",
                "median s",
                "processor s",
                "GFLOP/s",
                "of peak",
                "resident GB");
        for (UNetBenchmark.Forward f : r.forwards()) {
            Lines.print(
                    text,
                    "%-8s %-9s %14.1f %10.2f %10.2f %12.2f %10.1f %7.1f%% %12.2f",
                    f.weights(),
                    f.format(),
                    f.gemmPeak().gflops(),
                    f.seconds(),
                    f.medianSeconds(),
                    f.processorSeconds(),
                    f.gflops(),
                    f.shareOfPeakPercent(),
                    f.peakResidentBytes() / 1e9);
        }
        for (UNetBenchmark.Loading l : r.loadings()) {
            Lines.print(text, "");
            Lines.print(
                    text,
                    "loading %.2f GB of F16: %.2f s, %.1f times reading the file (%.2f s);"
                            + " resident %.2f GB more, %.2f times the weights in %s",
                    l.fileBytes() / 1e9,
                    l.seconds(),
                    l.seconds() / l.readSeconds(),
                    l.readSeconds(),
                    l.residentBytes() / 1e9,
                    (double) l.residentBytes() / l.weightBytes(),
                    l.weights().word());
        }
    }
}
