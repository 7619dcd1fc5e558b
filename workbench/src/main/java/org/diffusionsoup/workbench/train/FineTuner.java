package org.diffusionsoup.workbench.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FileContent;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.workbench.FreeMemory;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.report.LossCurve;
import org.diffusionsoup.workbench.report.LossLog;
import org.diffusionsoup.workbench.verify.BrokenWeights;

/**
 * Fine-tunes one ingredient: a copy of the base's UNet trained on one shard (paper, Section 4),
 * text encoder and autoencoder left as they are.
 */
public final class FineTuner {
    /** Name of the loss curve inside an ingredient's folder. */
    public static final String LOSS_FILE = "loss.csv";

    /** What an ingredient's recipe says of how it was made. */
    public static final String METHOD = "fine-tune";

    private final FineTuneRequest request;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param stop polled between steps; when true, the state is saved and the run ends
     */
    public FineTuner(FineTuneRequest request, Progress progress, BooleanSupplier stop) {
        this.request = request;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * How a run ended.
     *
     * @param out the ingredient's folder
     * @param weightsSha256 content hash of its UNet
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

    /** Trains, or goes on where an interrupted run stopped; empty when asked to stop. */
    public Optional<Result> run() {
        boolean isModel = Files.exists(request.base().resolve("unet/config.json"));
        if (isModel) { // otherwise loading says why
            refuseInputAsOutput();
        }
        ModelOutput.MODEL_FOLDER.check(request.out(), request.replace());
        try (FolderLock alone = FolderLock.hold(request.stateFolder())) {
            // whoever had it until now may just have made the model
            ModelOutput.MODEL_FOLDER.check(request.out(), request.replace());
            return runAlone(isModel);
        }
    }

    private Optional<Result> runAlone(boolean isModel) {
        if (isModel) {
            TrainingCost.of(request.base(), request.options())
                    .check(
                            request.options().batch(),
                            request.options().accumulation(),
                            FreeMemory.bytes());
        }
        List<Shard> shards = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (String ref : request.shards()) {
            Shard s = ShardRef.parse(ref).open().train();
            if (!seen.add(s.sha256())) {
                throw new SoupException(
                        "shard " + ref + " is given twice: its pictures would count double.");
            }
            if (s.size() == 0) {
                throw new SoupException(
                        "shard " + ref + " has no training rows; choose another `shard`.");
            }
            shards.add(s);
        }
        try (StableDiffusion base = StableDiffusion.load(request.base())) {
            ObjectNode recipe = recipe(base, shards);
            KeptSteps kept = new KeptSteps(request, recipe);
            kept.check();
            Progress encoding = new StoppableProgress(progress, stop);
            try (EncodedRows rows = EncodedRows.encode(base, shards, encoding)) {
                return train(base, recipe, rows, kept);
            } catch (StoppableProgress.Stopped e) {
                return Optional.empty(); // while encoding, of which nothing is kept
            } catch (TrainingException e) {
                BrokenWeights.refuse("base", request.base());
                throw e;
            }
        }
    }

    /** An ingredient in the place of its base, or inside it, would destroy what it came from. */
    private void refuseInputAsOutput() {
        Path out = request.out().toAbsolutePath().normalize();
        Path base = request.base().toAbsolutePath().normalize();
        boolean same;
        try {
            same = Files.exists(out) && Files.exists(base) && Files.isSameFile(out, base);
        } catch (IOException e) {
            throw new SoupIoException("read", request.out(), e);
        }
        if (same || out.startsWith(base) || base.startsWith(out)) {
            throw new SoupException(
                    "Cannot write the ingredient to %s: that is, holds or lies inside its base %s; name another `out`."
                            .formatted(request.out(), request.base()));
        }
    }

    private Optional<Result> train(
            StableDiffusion base, ObjectNode recipe, EncodedRows rows, KeptSteps kept) {
        TrainingOptions options = request.options();
        DenoisingObjective objective =
                new DenoisingObjective(
                        base.unet(),
                        rows.latents(),
                        base.scheduler().table(),
                        base.scheduler().predictionType(),
                        request.captionDropout());
        try (TrainingRun run =
                new TrainingRun(
                        base.unet().parameters(),
                        objective,
                        options,
                        request.stateFolder(),
                        recipe.toString())) {
            long perStep = (long) options.batch() * options.accumulation();
            progress.start(
                    "train " + request.out().getFileName(),
                    request.stopAfter() * perStep,
                    "images");
            long resumedFrom = run.stepsDone();
            progress.skip(resumedFrom * perStep);
            TrainingRun.End end =
                    run.run(
                            request.checkpointEvery(),
                            () -> run.stepsDone() >= request.stopAfter() || stop.getAsBoolean(),
                            p -> {
                                progress.message(String.format(Locale.ROOT, "loss %.4f", p.loss()));
                                progress.advance(perStep);
                            },
                            step -> keep(base, run, kept, step));
            if (end == TrainingRun.End.STOPPED && run.stepsDone() < request.stopAfter()) {
                return Optional.empty();
            }
            run.useMovingAverage();
            refuseLateComer();
            write(
                    base,
                    request.out(),
                    kept.recipe(request.stopAfter()),
                    run.curve(),
                    request.replace());
            run.discardState();
            return Optional.of(result(base, rows, resumedFrom, run.curve(), kept));
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

    private void keep(StableDiffusion base, TrainingRun run, KeptSteps kept, long step) {
        if (kept.isKept(step)) {
            Path folder = kept.free(step);
            run.withMovingAverage(() -> write(base, folder, kept.recipe(step), run.curve(), true));
        }
    }

    private Result result(
            StableDiffusion base,
            EncodedRows rows,
            long resumedFrom,
            List<LossPoint> curve,
            KeptSteps kept) {
        LossCurve losses = lossCurve(curve);
        double rate =
                curve.stream().mapToDouble(LossPoint::imagesPerSecond).average().orElse(Double.NaN);
        List<String> notes = new ArrayList<>(rows.notes(base));
        notes.addAll(kept.notes());
        return new Result(
                request.out(),
                WeightsHash.of(unetFile(request.out())),
                rows.rows(),
                curve.size(),
                resumedFrom,
                losses.finalLoss(),
                losses.finalSteps(),
                rate,
                notes,
                kept.folders());
    }

    /** What the ingredient is made of, as JSON with hashes instead of paths. */
    private ObjectNode recipe(StableDiffusion base, List<Shard> shards) {
        TrainingOptions o = request.options();
        ObjectNode r = JsonConfig.object();
        r.put("method", METHOD);
        r.put("base_unet_sha256", WeightsHash.of(unetFile(base.folder())));
        // Latents and text embeddings come from these, so another pair is another run.
        r.put("base_vae_sha256", WeightsHash.of(weightsFile(base.folder(), "vae")));
        r.put(
                "base_text_encoder_sha256",
                WeightsHash.of(
                        base.folder()
                                .resolve("text_encoder")
                                .resolve(StableDiffusion.TRANSFORMERS_WEIGHTS)));
        var list = r.putArray("shards");
        for (Shard s : shards) {
            list.addObject().put("name", s.name()).put("rows", s.size()).put("sha256", s.sha256());
        }
        r.put("steps", o.steps());
        r.put("batch", o.batch());
        r.put("accumulation", o.accumulation());
        r.put("learning_rate", o.learningRate());
        r.put("schedule", o.schedule().name().toLowerCase(Locale.ROOT));
        r.put("warmup", o.warmup());
        r.put("weight_decay", o.weightDecay());
        r.put("betas", o.beta1() + "," + o.beta2());
        r.put("eps", o.eps());
        r.put("clip_norm", o.clipNorm());
        r.put("ema", o.emaDecay());
        r.put("caption_dropout", request.captionDropout());
        r.put("bfloat16", o.bfloat16());
        r.put("seed", o.seed());
        return r;
    }

    static Path unetFile(Path folder) {
        return weightsFile(folder, "unet");
    }

    private static Path weightsFile(Path folder, String component) {
        return folder.resolve(component).resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
    }

    private static void write(
            StableDiffusion base, Path out, String recipe, List<LossPoint> curve, boolean replace) {
        Map<String, String> metadata = new TreeMap<>();
        metadata.put("format", "pt");
        DType dtype = dtypeOf(unetFile(base.folder()));
        AtomicFiles.IoConsumer<Path> content =
                folder -> {
                    copyAllBut(base.folder(), folder, Path.of("unet"));
                    Files.createDirectories(folder.resolve("unet"));
                    Files.copy(
                            base.folder().resolve("unet/config.json"),
                            folder.resolve("unet/config.json"));
                    Weights.save(
                            base.unet().parameters(),
                            unetFile(folder),
                            dtype,
                            Provenance.of(recipe).writeTo(metadata));
                    LossLog.writeCsv(folder.resolve(LOSS_FILE), lossCurve(curve));
                };
        AtomicFiles.writeFolder(out, ModelOutput.MODEL_FOLDER, replace, content);
    }

    private static DType dtypeOf(Path weights) {
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            boolean half = f.tensors().values().stream().anyMatch(t -> t.dtype() == DType.F16);
            return half ? DType.F16 : DType.F32;
        }
    }

    /** The curve without wall-clock figures, so that an ingredient's bytes repeat. */
    private static LossCurve lossCurve(List<LossPoint> curve) {
        return new LossCurve(
                curve.stream()
                        .map(p -> new LossCurve.Point(p.step(), p.loss(), p.learningRate(), 0))
                        .toList());
    }

    private static void copyAllBut(Path from, Path to, Path left) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path f : files.filter(Files::isRegularFile).sorted().toList()) {
                Path relative = from.relativize(f);
                if (relative.startsWith(left) || relative.toString().equals(LOSS_FILE)) {
                    continue;
                }
                Path target = to.resolve(relative);
                Files.createDirectories(target.getParent());
                Files.copy(f, target);
            }
        }
    }
}
