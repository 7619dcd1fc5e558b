package org.diffusionsoup.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.LatentSet;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.pretrain.PretrainRecipe;

/**
 * Measures training of a UNet on this machine: matrix-product peak, images per second and the share
 * of the peak that they are, and resident memory over many steps. The run is the real one ({@link
 * TrainingRun} on {@link DenoisingObjective}, checkpoints included); only latents and text
 * embeddings are random numbers, which changes no time.
 */
public final class TrainBenchmark {
    private static final int ROWS = 256;
    private static final int CAPTIONS = 64;
    private static final int WARM_UP = 2;

    private final Request request;
    private final Progress progress;

    /** A benchmark that tells {@code progress} how far it is. */
    public TrainBenchmark(Request request, Progress progress) {
        this.request = request;
        this.progress = progress;
    }

    /**
     * What is measured.
     *
     * @param base folder in diffusers layout whose UNet's shape is taken, or empty for the embedded
     *     base's recipe
     * @param batch pictures per step when throughput is measured
     * @param timedSteps steps of the throughput measurement, after two that do not count
     * @param gemmSeconds how long each size of matrix product is tried, twice per number format
     * @param memorySteps steps of the memory measurement, 0 to leave it out
     * @param memoryBatch pictures per step of the memory measurement
     */
    public record Request(
            Optional<Path> base,
            int batch,
            int timedSteps,
            double gemmSeconds,
            int memorySteps,
            int memoryBatch) {
        /** Seconds per size that let a processor reach its peak. */
        public static final double GEMM_SECONDS = 1.5;

        /**
         * @throws SoupException if a number is not positive, or the memory run too short
         */
        public Request {
            if (batch < 1 || timedSteps < 1 || memoryBatch < 1) {
                throw new SoupException(
                        "`batch`, `timedSteps` and `memoryBatch` must be at least 1.");
            }
            if (memorySteps != 0 && memorySteps < 20) {
                throw new SoupException(
                        "`steps` must be 0 or at least 20, not " + memorySteps + ".");
            }
        }
    }

    /**
     * Throughput in one number format.
     *
     * @param gemmPeak of the machine, measured before and after, the larger
     * @param imagesPerSecond over all timed steps
     * @param bestImagesPerSecond of the fastest step: nearer to an undisturbed machine
     * @param gflops model operations per second at {@code imagesPerSecond}
     * @param shareOfPeakPercent of {@code gemmPeak}
     */
    public record Throughput(
            GemmPeak gemmPeak,
            double imagesPerSecond,
            double bestImagesPerSecond,
            double gflops,
            double shareOfPeakPercent) {}

    /**
     * All measurements of one run.
     *
     * @param threads of libtorch
     * @param parameters weights of the UNet
     * @param latent shape of one picture's latents
     * @param textTokens length of the text
     * @param batch of the throughput measurement
     * @param forwardMflopsPerImage of the model, counted from its layers' shapes
     * @param trainingMflopsPerImage three times that: forward and backward
     * @param float32 throughput in float32
     * @param bfloat16 throughput with matrix products and convolutions in bfloat16
     * @param memoryBatch of the memory measurement, which runs in bfloat16
     * @param memory empty when left out, or where the system does not tell
     */
    public record Result(
            int threads,
            long parameters,
            long[] latent,
            int textTokens,
            int batch,
            double forwardMflopsPerImage,
            double trainingMflopsPerImage,
            Throughput float32,
            Throughput bfloat16,
            int memoryBatch,
            Optional<ResidentMemory> memory) {}

    /** Runs all measurements. */
    public Result run() {
        PretrainRecipe recipe =
                PretrainRecipe.scenes(1, 4, 1, 16, 1e-3, TrainingOptions.Schedule.COSINE, 0);
        UNetConfig config =
                request.base()
                        .map(b -> UNetConfig.of(JsonConfig.read(b.resolve("unet/config.json"))))
                        .orElseGet(recipe::unet);
        int tokens =
                request.base()
                        .map(b -> JsonConfig.read(b.resolve("text_encoder/config.json")))
                        .map(c -> ClipTextConfig.of(c).maxPositions())
                        .orElse(recipe.maxTokens());
        int side = config.sampleSize() > 0 ? config.sampleSize() : 16;
        long forward;
        long weights;
        try (Subject subject = new Subject(config, side, tokens)) {
            forward = UNetFlops.forward(subject.unet, side, side, tokens);
            weights = subject.unet.parameters().count();
        }
        double perImage = (double) forward * UNetFlops.TRAINING_PER_FORWARD;
        Throughput wide = throughput(config, side, tokens, perImage, false);
        Throughput half = throughput(config, side, tokens, perImage, true);
        Optional<ResidentMemory> memory = memory(config, side, tokens);
        return new Result(
                Torch.threads(),
                weights,
                new long[] {config.inChannels(), side, side},
                tokens,
                request.batch(),
                forward / 1e6,
                perImage / 1e6,
                wide,
                half,
                request.memoryBatch(),
                memory);
    }

    private Throughput throughput(
            UNetConfig config, int side, int tokens, double flopsPerImage, boolean bfloat16) {
        String format = bfloat16 ? "bfloat16" : "float32";
        progress.start("matrix products in " + format, 0, "sizes");
        GemmPeak peak = GemmPeak.measure(bfloat16, request.gemmSeconds());
        List<LossPoint> timed = new ArrayList<>();
        progress.start(
                "training in " + format,
                (long) (WARM_UP + request.timedSteps()) * request.batch(),
                "images");
        try (Subject subject = new Subject(config, side, tokens)) {
            subject.train(
                    WARM_UP + request.timedSteps(),
                    request.batch(),
                    bfloat16,
                    0,
                    p -> {
                        progress.advance(request.batch());
                        if (p.step() > WARM_UP) {
                            timed.add(p);
                        }
                    });
        }
        peak = peak.max(GemmPeak.measure(bfloat16, request.gemmSeconds()));
        double seconds =
                timed.stream().mapToDouble(p -> request.batch() / p.imagesPerSecond()).sum();
        double rate = timed.size() * request.batch() / seconds;
        double best = timed.stream().mapToDouble(LossPoint::imagesPerSecond).max().orElseThrow();
        double gflops = rate * flopsPerImage / 1e9;
        return new Throughput(peak, rate, best, gflops, 100 * gflops / peak.gflops());
    }

    private Optional<ResidentMemory> memory(UNetConfig config, int side, int tokens) {
        int steps = request.memorySteps();
        if (steps == 0 || ProcessMemory.resident().isEmpty()) {
            return Optional.empty();
        }
        int warmUp = Math.max(10, steps / 10);
        progress.start("memory over " + steps + " steps", steps, "steps");
        List<Long> samples = new ArrayList<>();
        try (Subject subject = new Subject(config, side, tokens)) {
            subject.train(
                    steps,
                    request.memoryBatch(),
                    true,
                    Math.max(1, steps / 20),
                    p -> {
                        progress.advance(1);
                        if (p.step() > warmUp) {
                            ProcessMemory.resident().ifPresent(samples::add);
                        }
                    });
        }
        return Optional.of(ResidentMemory.of(samples));
    }

    /** A fresh model with random inputs, and a folder for its checkpoints. */
    private static final class Subject implements AutoCloseable {
        private final UNet2DConditionModel unet;
        private final Tensor latents;
        private final Tensor texts;
        private final int[][] captions = new int[ROWS][];
        private final Path folder;

        Subject(UNetConfig config, int side, int tokens) {
            unet = new UNet2DConditionModel(config);
            unet.parameters().initialise(1);
            try (Scope s = Scope.open();
                    Rng rng = new Rng(2)) {
                latents = rng.normal(ROWS, config.inChannels(), side, side).keep();
                texts = rng.normal(CAPTIONS, tokens, config.crossAttentionDim()).keep();
            }
            for (int i = 0; i < ROWS; i++) {
                captions[i] = new int[] {1 + i % (CAPTIONS - 1)};
            }
            try {
                folder = Files.createTempDirectory("soup-bench");
            } catch (IOException e) {
                throw new SoupException("no temporary folder can be made: " + e.getMessage(), e);
            }
        }

        void train(
                int steps,
                int batch,
                boolean bfloat16,
                int checkpointEvery,
                Consumer<LossPoint> listener) {
            TrainingOptions options =
                    new TrainingOptions(
                            steps,
                            batch,
                            1,
                            1e-4,
                            TrainingOptions.Schedule.CONSTANT,
                            10,
                            1e-2,
                            0.9,
                            0.99,
                            1e-8,
                            1.0,
                            0.999,
                            3,
                            bfloat16);
            PredictionType type = PredictionType.V_PREDICTION;
            DenoisingObjective objective =
                    new DenoisingObjective(
                            unet,
                            new LatentSet(latents, texts, captions, 0),
                            SchedulerConfig.stableDiffusion(type).table(),
                            type,
                            0.1);
            try (TrainingRun run =
                    new TrainingRun(
                            unet.parameters(),
                            objective,
                            options,
                            folder.resolve("state"),
                            "benchmark")) {
                run.run(checkpointEvery, () -> false, listener);
                run.discardState();
            }
        }

        @Override
        public void close() {
            unet.parameters().close();
            latents.release();
            texts.release();
            try {
                Files.deleteIfExists(folder);
            } catch (IOException e) {
                throw new SoupException(
                        "the temporary folder " + folder + " cannot be removed: " + e.getMessage(),
                        e);
            }
        }
    }
}
