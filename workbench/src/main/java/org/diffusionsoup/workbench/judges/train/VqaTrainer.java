package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.judges.question.JudgeKind;

/** Trains a small BLIP that answers its material's questions. */
public final class VqaTrainer {
    private final JudgeMaterial material;
    private final Optional<Path> from;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param from a BLIP to go on with, whose shape and vocabulary stay; one from nothing without
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps, and between pictures that are read
     */
    public VqaTrainer(
            JudgeMaterial material,
            Optional<Path> from,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        this.material = material;
        this.from = from;
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /** What a training starts from. */
    private record Start(BlipVqa vqa, WordPieceTokenizer tokenizer, List<String> vocabulary) {}

    /**
     * Trains, or goes on training.
     *
     * @param out gets the model as {@link BlipVqa#load} reads it when finished; replaced when it
     *     exists
     * @return false when stopped before the end
     */
    public boolean run(long steps, long seed, Path out) {
        return new StoppableProgress(progress, stop)
                .unlessStopped(reading -> run(steps, seed, out, reading), false);
    }

    private boolean run(long steps, long seed, Path out, Progress reading) {
        TrainingOptions options = JudgeFit.options(material, JudgeKind.VQA, steps, seed);
        ObjectNode recipe = JudgeFit.recipe(material, JudgeKind.VQA, options);
        from.ifPresent(
                f -> recipe.put("from_sha256", WeightsHash.of(f.resolve(BlipShape.WEIGHTS))));
        JudgeFit fit =
                new JudgeFit(
                        work,
                        out,
                        progress,
                        stop,
                        from.map(BaseConfiguration::ofFolder).orElse(BaseConfiguration.NONE));
        fit.requireOwn(JudgeKind.VQA, recipe);
        Start start = start(seed, reading);
        BlipVqa vqa = start.vqa();
        try {
            Objective objective =
                    material.vqa(
                            vqa,
                            start.tokenizer(),
                            new JudgeMaterial.Run(steps, options.batch(), seed));
            return fit.train(
                    JudgeKind.VQA,
                    vqa.parameters(),
                    objective,
                    options,
                    recipe,
                    folder ->
                            BlipShape.save(
                                    folder,
                                    vqa.parameters(),
                                    vqa.vit(),
                                    vqa.med(),
                                    start.vocabulary(),
                                    recipe));
        } finally {
            vqa.parameters().close();
        }
    }

    private Start start(long seed, Progress reading) {
        if (from.isPresent()) {
            BlipVqa.Loaded loaded = BlipVqa.load(from.get());
            material.read(loaded.model().vit().imageSize(), reading);
            return new Start(loaded.model(), loaded.tokenizer(), BlipShape.vocabulary(from.get()));
        }
        material.read(material.vit().imageSize(), reading);
        List<String> vocabulary = WordPieces.of(material.words());
        WordPieceTokenizer tokenizer = WordPieceTokenizer.of(vocabulary, "the training rows");
        BlipVqa vqa = new BlipVqa(material.vit(), material.med(tokenizer.size()));
        vqa.parameters().initialise(seed);
        return new Start(vqa, tokenizer, vocabulary);
    }
}
