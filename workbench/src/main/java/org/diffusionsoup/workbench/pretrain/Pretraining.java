package org.diffusionsoup.workbench.pretrain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.job.TrainedWeights;
import org.diffusionsoup.workbench.job.TrainingJob;

/**
 * What the stages of a pretraining share.
 *
 * @param stream what is trained on
 * @param drawingsSha256 of the drawings that the stream's scenes are made of
 * @param work folder of finished components and checkpoints
 * @param from a base to train on
 * @param keepLatents whether that base's latent channels stay as they are
 * @param stop polled between steps
 */
record Pretraining(
        PretrainRecipe recipe,
        SceneStream stream,
        String drawingsSha256,
        Path work,
        Optional<Path> from,
        boolean keepLatents,
        Progress progress,
        BooleanSupplier stop) {

    /** The stream in pools, no larger than the whole run needs. */
    RowPools<SceneStream.Row> scenes(TrainingOptions options, int pool, int epochs) {
        long needed = options.steps() * options.batch();
        return RowPools.forRun(stream::get, needed, pool, epochs);
    }

    /**
     * Trains a stage, or goes on with it.
     *
     * @param name of the stage
     * @param settings what decides its result besides its data and origins
     * @param origins what it started from, by the fields of the weights' header
     * @param afterStep what happens to the weights after every step
     * @return false when stopped before the end; the weights are what was learnt so far
     */
    boolean train(
            String name,
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            String settings,
            SortedMap<String, String> origins,
            Runnable afterStep) {
        StringBuilder fingerprint = new StringBuilder(name).append(' ').append(settings);
        fingerprint.append(" rows=").append(objective.rows());
        fingerprint.append(" drawings=").append(drawingsSha256);
        origins.forEach(
                (field, value) -> fingerprint.append(' ').append(field).append('=').append(value));
        TrainingJob.Spec spec =
                TrainingJob.Spec.in(
                                work, name, "pretrain " + name, "images", fingerprint.toString())
                        .from(configuration());
        try (TrainingJob job =
                new TrainingJob(spec, parameters, objective, options, progress, stop)) {
            return job.run(options.steps(), step -> afterStep.run());
        }
    }

    /** What the base that is trained on says of its weights; nothing without one. */
    private BaseConfiguration configuration() {
        return from.map(base ->
                        BaseConfiguration.of(
                                base, List.of("unet", "vae", "text_encoder", "tokenizer")))
                .orElse(BaseConfiguration.NONE);
    }

    /** Hash of the weights of a component in diffusers layout, for {@code origins}. */
    static String weightsHash(Path component) {
        return WeightsHash.of(component.resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
    }

    /** Writes a component into the work folder: config, and weights as F16. */
    void save(
            String component,
            String file,
            Parameters parameters,
            ObjectNode config,
            SortedMap<String, String> origins) {
        Path folder = work.resolve(component);
        ComponentFiles.makeFolder(folder);
        ComponentFiles.write(folder.resolve("config.json"), JsonConfig.text(config));
        Provenance provenance = Provenance.of(recipe.header(drawingsSha256));
        for (Map.Entry<String, String> e : origins.entrySet()) {
            provenance = provenance.with(e.getKey(), e.getValue());
        }
        TrainedWeights.write(folder.resolve(file), parameters, DType.F16, provenance);
    }
}
