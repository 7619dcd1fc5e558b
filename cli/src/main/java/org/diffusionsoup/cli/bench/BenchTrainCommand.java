package org.diffusionsoup.cli.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.bench.ResidentMemory;
import org.diffusionsoup.bench.TrainBenchmark;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.Progress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup bench train}: throughput, share of peak and memory of UNet training. */
@Command(
        name = "train",
        description = {
            "Measure training of a UNet: images/s and share of the machine's matrix-product peak in"
                    + " float32 and bfloat16, and whether memory stays flat.",
            "Ends with exit status 1 when resident memory leaves ±2 %% after the warm-up."
        },
        footer = {
            "  soup bench train",
            "  soup bench train --steps 200 --json",
            "  soup bench train --base my-base --batch 8 --steps 0"
        })
final class BenchTrainCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    private static final Path EMBEDDED = Path.of("models", "emoji-base");

    @Option(
            names = "--base",
            paramLabel = "DIR",
            description =
                    "Take the UNet's shape from this folder in diffusers layout (default:"
                            + " models/emoji-base where there is one, else its recipe).")
    private @Nullable Path base;

    @Option(
            names = "--batch",
            defaultValue = "32",
            paramLabel = "N",
            description = "Pictures per step when timing (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--timed-steps",
            defaultValue = "6",
            paramLabel = "N",
            description = "Steps to time in each number format (default: ${DEFAULT-VALUE}).")
    private int timedSteps;

    @Option(
            names = "--steps",
            defaultValue = "1000",
            paramLabel = "N",
            description = "Steps to watch memory over, 0 for none (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--memory-batch",
            defaultValue = "4",
            paramLabel = "N",
            description = "Pictures per step when watching memory (default: ${DEFAULT-VALUE}).")
    private int memoryBatch;

    @Override
    protected void run(Console console) throws IOException {
        Optional<Path> shape =
                base != null
                        ? Optional.of(base)
                        : Optional.of(EMBEDDED)
                                .filter(p -> Files.exists(p.resolve("unet/config.json")));
        TrainBenchmark.Result result;
        try (Progress progress = console.progress()) {
            result =
                    new TrainBenchmark(
                                    new TrainBenchmark.Request(
                                            shape,
                                            batch,
                                            timedSteps,
                                            TrainBenchmark.Request.GEMM_SECONDS,
                                            steps,
                                            memoryBatch),
                                    progress)
                            .run();
        }
        console.result(JsonForm.of(result), text -> print(result, text));
        Optional<ResidentMemory> grown = result.memory().filter(m -> !m.isFlat());
        if (grown.isPresent()) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "resident memory is not flat: drift %+.1f %%, spread %.1f %%, allowed %.0f %%.",
                            grown.get().driftPercent(),
                            grown.get().spreadPercent(),
                            ResidentMemory.TOLERANCE_PERCENT));
        }
    }

    /** The result with null where there is no memory measurement. */
    private record JsonForm(
            int threads,
            long parameters,
            long[] latent,
            int textTokens,
            int batch,
            double forwardMflopsPerImage,
            double trainingMflopsPerImage,
            TrainBenchmark.Throughput float32,
            TrainBenchmark.Throughput bfloat16,
            int memoryBatch,
            @Nullable ResidentMemory memoryMiB) {
        static JsonForm of(TrainBenchmark.Result r) {
            return new JsonForm(
                    r.threads(),
                    r.parameters(),
                    r.latent(),
                    r.textTokens(),
                    r.batch(),
                    r.forwardMflopsPerImage(),
                    r.trainingMflopsPerImage(),
                    r.float32(),
                    r.bfloat16(),
                    r.memoryBatch(),
                    r.memory().orElse(null));
        }
    }

    private static void print(TrainBenchmark.Result r, PrintWriter text) {
        Lines.print(
                text,
                "UNet of %,d weights, latents %d×%d×%d, %d text tokens, %s",
                r.parameters(),
                r.latent()[0],
                r.latent()[1],
                r.latent()[2],
                r.textTokens(),
                Plural.of(r.threads(), "thread"));
        Lines.print(
                text,
                "one image: %.0f MFLOP forward, %.0f MFLOP in training",
                r.forwardMflopsPerImage(),
                r.trainingMflopsPerImage());
        Lines.print(text, "");
        Lines.print(
                text,
                "%-9s %14s %10s %10s %10s %8s",
                "batch " + r.batch(),
                "GEMM GFLOP/s",
                "images/s",
                "best step",
                "GFLOP/s",
                "of peak");
        throughput(text, "float32", r.float32());
        throughput(text, "bfloat16", r.bfloat16());
        r.memory()
                .ifPresent(m -> {
                    Lines.print(text, "");
                    Lines.print(
                            text,
                            "resident memory over %d steps of batch %d: min %.0f, median"
                                    + " %.0f, max %.0f MiB; drift %+.2f %%, spread %.2f %%",
                            m.steps(),
                            r.memoryBatch(),
                            m.min(),
                            m.median(),
                            m.max(),
                            m.driftPercent(),
                            m.spreadPercent());
                });
    }

    private static void throughput(PrintWriter text, String name, TrainBenchmark.Throughput t) {
        Lines.print(
                text,
                "%-9s %14.1f %10.1f %10.1f %10.1f %7.1f%%",
                name,
                t.gemmPeak().gflops(),
                t.imagesPerSecond(),
                t.bestImagesPerSecond(),
                t.gflops(),
                t.shareOfPeakPercent());
    }
}
