package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.report.LossLog;

/** Runs and resumes one judge's training in its work folder, and writes what came out. */
final class JudgeFit {
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    JudgeFit(Path work, Progress progress, BooleanSupplier stop) {
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Trains to the last step, and puts the moving average into the model.
     *
     * @param recipe what decides the result; a checkpoint of another recipe is refused
     * @return false when stopped before the end
     */
    boolean train(
            String name,
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            String recipe) {
        try {
            Files.createDirectories(work);
        } catch (IOException e) {
            throw new SoupException("the folder " + work + " cannot be made: " + e.getMessage(), e);
        }
        try (TrainingRun run =
                new TrainingRun(
                        parameters, objective, options, work.resolve(name + "-state"), recipe)) {
            progress.start("train " + name, options.steps() * options.batch(), "examples");
            progress.skip(run.stepsDone() * options.batch());
            TrainingRun.End end =
                    run.run(
                            2000,
                            stop,
                            p -> {
                                progress.message(String.format(Locale.ROOT, "loss %.4f", p.loss()));
                                progress.advance(options.batch());
                            });
            LossLog.writeTraining(work.resolve(name + "-loss.csv"), run.curve());
            if (end == TrainingRun.End.STOPPED) {
                return false;
            }
            run.useMovingAverage();
            return true;
        }
    }

    /**
     * Does work up to the training and the training itself.
     *
     * @param work gets a progress for what reads or draws pictures, which ends at its next report
     *     when asked to stop; the training saves its state instead
     * @return what the work returns; false when it was stopped before the training
     */
    boolean unlessStopped(Predicate<Progress> work) {
        try {
            return work.test(new StoppableProgress(progress, stop));
        } catch (StoppableProgress.Stopped e) {
            return false;
        }
    }

    /** Writes weights as F16 with the recipe in their header. */
    static void saveWeights(Path file, Parameters parameters, ObjectNode recipe) {
        Map<String, String> metadata = new TreeMap<>();
        metadata.put("format", "pt");
        Weights.save(
                parameters,
                file,
                DType.F16,
                Provenance.of(new SoupRecipe(recipe.toString())).writeTo(metadata));
    }

    /** A CLIP image processor that only resizes to a square and maps [0, 1] to [-1, 1]. */
    static ObjectNode preprocessor(int side) {
        ObjectNode o = JsonConfig.object();
        ObjectNode crop = o.putObject("crop_size");
        crop.put("height", side);
        crop.put("width", side);
        o.put("do_center_crop", true);
        o.put("do_convert_rgb", true);
        o.put("do_normalize", true);
        o.put("do_rescale", true);
        o.put("do_resize", true);
        o.put("feature_extractor_type", "CLIPFeatureExtractor");
        var mean = o.putArray("image_mean");
        var std = o.putArray("image_std");
        for (int i = 0; i < 3; i++) {
            mean.add(0.5);
            std.add(0.5);
        }
        o.put("image_processor_type", "CLIPImageProcessor");
        o.put("resample", 3);
        o.put("rescale_factor", 1.0 / 255);
        o.putObject("size").put("shortest_edge", side);
        return o;
    }

    /** A material's recipe for a judge, with its steps or others. */
    static TrainingOptions options(JudgeMaterial material, JudgeKind kind, long steps, long seed) {
        JudgeMaterial.Recipe r = material.recipe(kind);
        return options(steps, material.batch(kind), r.learningRate(), r.weightDecay(), 0.99, seed);
    }

    /** AdamW with a cosine schedule, as all judges use it. */
    static TrainingOptions options(
            long steps, int batch, double lr, double decay, double ema, long seed) {
        return new TrainingOptions(
                steps,
                batch,
                1,
                lr,
                TrainingOptions.Schedule.COSINE,
                Math.min(100, Math.max(1, steps / 10)),
                decay,
                0.9,
                0.98,
                1e-8,
                1.0,
                ema,
                seed,
                false);
    }

    /** The recipe in a header. */
    static ObjectNode recipe(JudgeMaterial material, JudgeKind kind, TrainingOptions t) {
        ObjectNode o = JsonConfig.object();
        o.put(SoupRecipe.METHOD, "judge train " + kind.word());
        o.put("data_sha256", material.sha256());
        t.describe(o);
        material.describe(kind, o);
        return o;
    }
}
