package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.AtomicFiles.IoConsumer;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.job.TrainedWeights;
import org.diffusionsoup.workbench.job.TrainingJob;
import org.diffusionsoup.workbench.judges.question.JudgeKind;

/** Trains one judge in its work folder, or goes on with it there, and writes what came out. */
final class JudgeFit {
    private final Path work;
    private final Path out;
    private final Progress progress;
    private final BooleanSupplier stop;
    private final BaseConfiguration origins;

    /**
     * @param origins what decides the result and no recipe says, see {@link TrainingJob.Spec}
     */
    JudgeFit(
            Path work,
            Path out,
            Progress progress,
            BooleanSupplier stop,
            BaseConfiguration origins) {
        this.origins = origins;
        this.work = work;
        this.out = out;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Refuses the checkpoint of another recipe, before pictures are read.
     *
     * @param recipe as of {@link #train}
     */
    void requireOwn(JudgeKind kind, ObjectNode recipe) {
        spec(kind, recipe).requireOwnCheckpoint();
    }

    private TrainingJob.Spec spec(JudgeKind kind, ObjectNode recipe) {
        String name = kind.word();
        return TrainingJob.Spec.in(work, name, "train " + name, "examples", recipe.toString())
                .from(origins);
    }

    /**
     * Trains to the last step, and writes the judge with the moving average of its weights.
     *
     * @param recipe what decides the result; a checkpoint of another recipe is refused
     * @param save writes the trained judge into a new folder
     * @return false when stopped before the end
     */
    boolean train(
            JudgeKind kind,
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            ObjectNode recipe,
            IoConsumer<Path> save) {
        try (TrainingJob job =
                new TrainingJob(
                        spec(kind, recipe), parameters, objective, options, progress, stop)) {
            if (!job.run()) {
                return false;
            }
        }
        AtomicFiles.replaceFolder(out, ModelOutput.WEIGHTS_FOLDER, save);
        return true;
    }

    /** Writes weights as F16 with the recipe in their header. */
    static void saveWeights(Path file, Parameters parameters, ObjectNode recipe) {
        Provenance provenance = Provenance.of(new SoupRecipe(recipe.toString()));
        TrainedWeights.write(file, parameters, DType.F16, provenance);
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
