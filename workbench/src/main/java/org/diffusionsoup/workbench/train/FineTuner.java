package org.diffusionsoup.workbench.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.FileContent;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.LowRankFactors;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.job.Resumption;
import org.diffusionsoup.workbench.job.TrainingJob;
import org.diffusionsoup.workbench.verify.BrokenWeights;

/**
 * Fine-tunes one ingredient: a copy of the base's UNet trained on one shard (paper, Section 4),
 * text encoder and autoencoder left as they are.
 */
public final class FineTuner {
    /** Name of the loss curve inside an ingredient's folder. */
    public static final String LOSS_FILE = "loss.csv";

    private final FineTuneRequest request;
    private final Progress progress;
    private final BooleanSupplier stop;
    private final IngredientFiles files;
    private final Preflight preflight;
    private List<Shard> opened = List.of();
    private Optional<BucketPlan> buckets = Optional.empty();
    private boolean keepsNote;

    /**
     * @param stop polled between steps; when true, the state is saved and the run ends
     */
    public FineTuner(FineTuneRequest request, Progress progress, BooleanSupplier stop) {
        this.request = request;
        this.progress = progress;
        this.stop = stop;
        this.files = new IngredientFiles(request);
        this.preflight = new Preflight(request, files);
    }

    /**
     * How a run ended.
     *
     * @param out the ingredient's folder, or the file of factors
     * @param weightsSha256 content hash of its UNet, or of the file of factors
     * @param trained how many weights, or values of factors, the optimizer moved
     * @param rows pictures in the shards
     * @param steps optimizer steps done
     * @param resumedFrom steps that an earlier, interrupted run had done
     * @param finalLoss mean loss of the last tenth of the steps, see {@link LossCurve#finalLoss}
     * @param lossSteps over how many steps that is the mean
     * @param imagesPerSecond rows per second of training
     * @param notes sentences about the pictures, such as that their size is not the base's, and
     *     about models that could not be kept
     * @param kept folders of the models kept on the way, in the order of their steps
     */
    public record Result(
            Path out,
            String weightsSha256,
            long trained,
            int rows,
            long steps,
            long resumedFrom,
            double finalLoss,
            int lossSteps,
            double imagesPerSecond,
            List<String> notes,
            List<Path> kept) {
        public Result {
            notes = List.copyOf(notes);
            kept = List.copyOf(kept);
        }
    }

    /**
     * Leaves the {@link TrainingNote} of a finished run where it is: for a registry, which removes
     * it when it has recorded the model.
     */
    public void keepNote() {
        keepsNote = true;
    }

    /** Trains, or goes on where an interrupted run stopped; empty when asked to stop. */
    public Optional<Result> run() {
        return run(plan -> {});
    }

    /**
     * As above.
     *
     * @param announced told what the run takes once it is alone at its place, before anything is
     *     loaded
     */
    public Optional<Result> run(Consumer<Plan> announced) {
        if (preflight.isModel()) { // otherwise loading says why
            preflight.refuseInputAsOutput();
        }
        files.check(request.out(), request.replace());
        try (FolderLock alone = FolderLock.hold(request.stateFolder())) {
            // whoever had it until now may just have made the model
            files.check(request.out(), request.replace());
            boolean kept = false;
            try {
                Optional<Result> result = runAlone(announced);
                kept = result.isEmpty() || keepsNote;
                return result;
            } finally {
                if (!kept && TrainingRun.checkpointedSteps(request.stateFolder()) == 0) {
                    TrainingNote.delete(request.stateFolder()); // there is nothing that it is of
                }
            }
        }
    }

    /**
     * What a run would take.
     *
     * @param rows pictures in the shards
     * @param steps optimizer steps
     * @param memory estimated; empty where the base is no model's folder, which a run refuses
     * @param buckets where each picture goes; empty where all are trained as they are
     */
    public record Plan(
            int rows, long steps, Optional<MemoryPlan> memory, Optional<BucketPlan> buckets) {}

    /**
     * Looks at what a run needs, and writes nothing.
     *
     * @throws SoupException if a run would be refused: if the base is none, a shard cannot be read
     *     or its pictures do not suit the base, {@code out} is taken, by another training's
     *     checkpoint, too, the rank of low-rank factors is too high, or the memory that is free
     *     would not do, which says what would fit
     */
    public Plan plan() {
        boolean isModel = preflight.isModel();
        if (isModel) {
            preflight.refuseInputAsOutput();
        }
        files.check(request.out(), request.replace());
        List<Shard> data = shards();
        if (buckets.isEmpty()) {
            buckets = request.buckets().map(rule -> BucketPlan.of(rule, data));
        }
        StableDiffusion.requireForTraining(request.base());
        Optional<MemoryPlan> memory =
                isModel ? Optional.of(preflight.memory(data, buckets)) : Optional.empty();
        int rows = data.stream().mapToInt(Shard::size).sum();
        return new Plan(rows, request.stopAfter(), memory, buckets);
    }

    /** Where each picture goes, once that is planned; empty where all are trained as they are. */
    public Optional<BucketPlan> buckets() {
        return buckets;
    }

    private List<Shard> shards() {
        if (opened.isEmpty()) {
            opened = TrainingShards.open(request);
        }
        return opened;
    }

    private Optional<Result> runAlone(Consumer<Plan> announced) {
        announced.accept(plan());
        List<Shard> shards = shards();
        try (StableDiffusion base = StableDiffusion.loadForTraining(request.base())) {
            if (!base.isFinite()) {
                // also of the decoder, which no training would run
                BrokenWeights.refuse("base", request.base());
            }
            FineTuneRecipe recipe = FineTuneRecipe.of(request, shards);
            preflight.requireOwn(recipe);
            TrainingJob.Spec spec = preflight.spec(recipe);
            KeptSteps kept = new KeptSteps(request, files, recipe);
            tellResumption();
            return new StoppableProgress(progress, stop)
                    .unlessStopped(
                            encoding -> encodeAndTrain(base, shards, encoding, spec, kept),
                            Optional.empty()); // of what is encoded nothing is kept
        }
    }

    private Optional<Result> encodeAndTrain(
            StableDiffusion base,
            List<Shard> shards,
            Progress encoding,
            TrainingJob.Spec spec,
            KeptSteps kept) {
        try (EncodedRows rows = EncodedRows.encode(base, shards, buckets, encoding)) {
            base.closeEncoders(); // which only the encoding needed
            return trainChosen(base, spec, rows, kept);
        } catch (TrainingException e) {
            BrokenWeights.refuse("base", request.base());
            throw e;
        }
    }

    private void tellResumption() {
        Resumption.tell(
                progress,
                request.out().getFileName().toString(),
                request.stateFolder(),
                request.stopAfter());
    }

    private Optional<Result> trainChosen(
            StableDiffusion base, TrainingJob.Spec spec, EncodedRows rows, KeptSteps kept) {
        if (request.lora().isEmpty()) {
            return train(base, Optional.empty(), base.unet().parameters(), spec, rows, kept);
        }
        long seed = request.options().seed();
        try (LowRankFactors factors = request.lora().get().attach(base.unet(), seed)) {
            return train(base, Optional.of(factors), factors.parameters(), spec, rows, kept);
        }
    }

    private Optional<Result> train(
            StableDiffusion base,
            Optional<LowRankFactors> factors,
            Parameters trained,
            TrainingJob.Spec spec,
            EncodedRows rows,
            KeptSteps kept) {
        DenoisingObjective objective =
                new DenoisingObjective(
                        base.unet(),
                        rows.latents(),
                        base.scheduler().table(),
                        base.scheduler().predictionType(),
                        request.captionDropout(),
                        request.loss());
        try (TrainingJob job =
                new TrainingJob(spec, trained, objective, request.options(), progress, stop)) {
            job.recompute(request.checkpointing());
            job.checkpointEvery(request.checkpointEvery());
            KeptSteps.Writer writer =
                    (out, text, replace) ->
                            files.write(base, factors, out, text, job.curve(), replace);
            boolean finished =
                    job.run(
                            request.stopAfter(),
                            step -> {
                                if (step == job.resumedFrom() + 1) {
                                    TrainingNote.begin(
                                            request.stateFolder(), job.resumedFrom() > 0);
                                }
                                if (kept.isKept(step)) {
                                    job.withMovingAverage(() -> kept.keep(step, writer));
                                }
                            });
            if (!finished) {
                return Optional.empty();
            }
            refuseLateComer();
            writer.write(request.out(), kept.recipe(request.stopAfter()), request.replace());
            job.discardState();
            return Optional.of(result(base, rows, trained.count(), job, kept));
        }
    }

    /** What has come to the model's place since the start was not made by this training. */
    private void refuseLateComer() {
        Path out = request.out();
        if (!request.replace() && Files.exists(out) && !FileContent.isEmpty(out)) {
            throw new SoupException(
                    "%s was made by somebody else while this training ran, and is left as it is. The finished training is in %s: move %s away, or add `force` to replace it, and give the same command again, which writes the model at once."
                            .formatted(out, request.stateFolder(), out));
        }
    }

    private Result result(
            StableDiffusion base, EncodedRows rows, long trained, TrainingJob job, KeptSteps kept) {
        LossCurve losses = IngredientFiles.lossCurve(job.curve());
        List<String> notes = new ArrayList<>(rows.notes(base));
        notes.addAll(kept.notes());
        return new Result(
                request.out(),
                WeightsHash.of(files.trained(request.out())),
                trained,
                rows.rows(),
                job.curve().size(),
                job.resumedFrom(),
                losses.finalLoss(),
                losses.finalSteps(),
                job.rowsPerSecond(),
                notes,
                kept.folders());
    }
}
