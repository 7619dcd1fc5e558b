package org.diffusionsoup.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.Progress;

/**
 * Measures a UNet of any size with random weights: how long a forward pass takes, what share of the
 * machine's matrix-product peak that is, how much memory it needs, and how fast weights are loaded
 * from a file that the system has in memory, beside plain reading of the same file; for each format
 * that weights are held in.
 */
public final class UNetBenchmark {
    private final Request request;
    private final Progress progress;

    /** A benchmark that tells {@code progress} how far it is. */
    public UNetBenchmark(Request request, Progress progress) {
        this.request = request;
        this.progress = progress;
    }

    /**
     * What is measured.
     *
     * @param shape of the UNet
     * @param height of the latents
     * @param width of the latents
     * @param batch rows of a forward pass; a picture with guidance takes two
     * @param forwards timed passes in each number format, after one that does not count
     * @param weights the formats that weights are held in, one after the other
     * @param bfloat16 whether products and convolutions are measured in bfloat16 too
     * @param gemmSeconds how long each size of matrix product is tried, twice per number format
     * @param work folder for a file of all weights in F16, which is deleted at the end; empty to
     *     leave loading out
     */
    public record Request(
            UNetShape shape,
            int height,
            int width,
            int batch,
            int forwards,
            List<WeightFormat> weights,
            boolean bfloat16,
            double gemmSeconds,
            Optional<Path> work) {
        /**
         * @throws SoupException if a number is not positive, or a side does not suit the UNet
         */
        public Request {
            if (batch < 1 || forwards < 1) {
                throw new SoupException("`batch` and `forwards` must be at least 1.");
            }
            weights = List.copyOf(weights);
            if (weights.isEmpty()) {
                throw new SoupException("`dtype` must name a format that weights are held in.");
            }
            int steps = 1 << (shape.config().blockOutChannels().size() - 1);
            if (height < steps || width < steps || height % steps != 0 || width % steps != 0) {
                throw new SoupException(
                        "`latents` must be multiples of %d for %s, not %dx%d."
                                .formatted(steps, shape.name(), width, height));
            }
        }
    }

    /**
     * Forward passes in one number format.
     *
     * @param weights the format that weights are held in
     * @param format of the products, {@code float32} or {@code bfloat16}
     * @param gemmPeak of all threads together
     * @param seconds of the fastest pass
     * @param medianSeconds of all timed passes
     * @param processorSeconds of all the process's threads in the pass that took least of them,
     *     which tells more where other work runs beside it
     * @param gflops model operations per second in the fastest pass
     * @param shareOfPeakPercent of {@code gemmPeak}
     * @param peakResidentBytes most memory of the process during the passes, 0 where the system
     *     does not tell
     */
    public record Forward(
            WeightFormat weights,
            String format,
            GemmPeak gemmPeak,
            double seconds,
            double medianSeconds,
            double processorSeconds,
            double gflops,
            double shareOfPeakPercent,
            long peakResidentBytes) {}

    /**
     * Loading of weights.
     *
     * @param weights the format that weights are held in
     * @param fileBytes of the F16 file
     * @param seconds of the fastest of three
     * @param readSeconds of reading the file and doing nothing with it, the fastest of three
     * @param residentBytes what the process grew by
     * @param weightBytes what the weights take in that format
     */
    public record Loading(
            WeightFormat weights,
            long fileBytes,
            double seconds,
            double readSeconds,
            long residentBytes,
            long weightBytes) {}

    /**
     * All measurements of one run.
     *
     * @param shape name of the UNet
     * @param threads of libtorch
     * @param parameters weights
     * @param latents channels, height, width
     * @param tokens of the text
     * @param batch rows of a pass
     * @param gflop of one pass of all rows
     * @param loadings one per format of the weights, none when left out
     * @param forwards one per format of the weights and of the products
     */
    public record Result(
            String shape,
            int threads,
            long parameters,
            List<Integer> latents,
            int tokens,
            int batch,
            double gflop,
            List<Loading> loadings,
            List<Forward> forwards) {}

    /** Runs all measurements. */
    public Result run() {
        UNetShape shape = request.shape();
        List<Loading> loadings = new ArrayList<>();
        List<Forward> forwards = new ArrayList<>();
        long count = 0;
        double flop = 0;
        for (WeightFormat format : request.weights()) {
            UNet2DConditionModel unet = new UNet2DConditionModel(shape.config(), format);
            try (Parameters weights = unet.parameters();
                    Torch.Guard off = Torch.gradients(false)) {
                progress.start("random weights in " + format, 0, "weights");
                weights.initialise(1);
                request.work().ifPresent(work -> loadings.add(loading(unet, work)));
                count = weights.count();
                if (flop == 0) {
                    flop =
                            (double) request.batch()
                                    * UNetFlops.forward(
                                            unet,
                                            request.height(),
                                            request.width(),
                                            shape.tokens());
                }
                forwards.add(forward(unet, flop, false));
                if (request.bfloat16()) {
                    forwards.add(forward(unet, flop, true));
                }
            }
        }
        return new Result(
                shape.name(),
                Torch.threads(),
                count,
                List.of(shape.config().inChannels(), request.height(), request.width()),
                shape.tokens(),
                request.batch(),
                flop / 1e9,
                loadings,
                forwards);
    }

    private Forward forward(UNet2DConditionModel unet, double flop, boolean bfloat16) {
        String format = bfloat16 ? "bfloat16" : "float32";
        progress.start("matrix products in " + format, 0, "sizes");
        GemmPeak peak = GemmPeak.measure(bfloat16, request.gemmSeconds());
        progress.start("forward passes in " + format, 1L + request.forwards(), "passes");
        ProcessMemory.forgetPeak();
        double[] seconds = new double[request.forwards()];
        double processor = Double.MAX_VALUE;
        try (Scope all = Scope.open();
                Rng rng = new Rng(2);
                Torch.Guard half = Torch.bfloat16Compute(bfloat16)) {
            int n = request.batch();
            UNetShape shape = request.shape();
            Tensor latents =
                    rng.normal(n, shape.config().inChannels(), request.height(), request.width());
            Tensor times = Tensor.full(500, 1);
            Tensor text = rng.normal(n, shape.tokens(), shape.config().crossAttentionDim());
            for (int i = -1; i < seconds.length; i++) {
                try (Scope one = Scope.open()) {
                    long start = System.nanoTime();
                    double before = processorSeconds();
                    UNetFlops.pass(unet, latents, times, text);
                    if (i >= 0) {
                        seconds[i] = (System.nanoTime() - start) / 1e9;
                        processor = Math.min(processor, processorSeconds() - before);
                    }
                }
                progress.advance(1);
            }
        }
        long resident = ProcessMemory.peak().orElse(0);
        peak = peak.max(GemmPeak.measure(bfloat16, request.gemmSeconds()));
        Arrays.sort(seconds);
        double gflops = flop / seconds[0] / 1e9;
        return new Forward(
                unet.parameters().format(),
                format,
                peak,
                seconds[0],
                seconds[seconds.length / 2],
                processor,
                gflops,
                100 * gflops / peak.gflops(),
                resident);
    }

    private static double processorSeconds() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime()
                / 1e9;
    }

    private Loading loading(UNet2DConditionModel unet, Path work) {
        Path file =
                work.resolve("soup-bench-unet-" + ProcessHandle.current().pid() + ".safetensors");
        try {
            progress.start("weights to a file", 0, "weights");
            Weights.save(unet.parameters(), file, DType.F16, Map.of());
            long bytes = Files.size(file);
            progress.start("loading", 3, "times");
            double read = Double.MAX_VALUE;
            double load = Double.MAX_VALUE;
            long grown = 0;
            for (int i = 0; i < 3; i++) {
                read = Math.min(read, timed(() -> readThrough(file)));
                long before = ProcessMemory.resident().orElse(0);
                UNet2DConditionModel again =
                        new UNet2DConditionModel(
                                request.shape().config(), unet.parameters().format());
                try (Parameters loaded = again.parameters()) {
                    load = Math.min(load, timed(() -> Weights.load(loaded, file)));
                    grown = Math.max(grown, ProcessMemory.resident().orElse(0) - before);
                }
                progress.advance(1);
            }
            Parameters held = unet.parameters();
            return new Loading(
                    held.format(), bytes, load, read, grown, held.format().bytes() * held.count());
        } catch (IOException e) {
            throw new SoupIoException("measure", file, e);
        } finally {
            delete(file);
        }
    }

    private static void readThrough(Path file) {
        byte[] buffer = new byte[1 << 20];
        try (InputStream in = Files.newInputStream(file)) {
            while (in.read(buffer) >= 0) {
                // only how long it takes counts
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static double timed(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e9;
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new SoupIoException("delete", file, e);
        }
    }
}
