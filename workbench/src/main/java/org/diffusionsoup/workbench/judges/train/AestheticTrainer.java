package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.judges.question.JudgeKind;

/** Trains a head in the format of LAION's aesthetic predictor on grades that are known. */
public final class AestheticTrainer {
    private final JudgeMaterial material;
    private final Optional<Path> from;
    private final Path clip;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param from a head to go on with, of the CLIP's width; one from nothing without
     * @param clip folder of the CLIP whose image embeddings the head reads
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps, and between pictures that are read
     */
    public AestheticTrainer(
            JudgeMaterial material,
            Optional<Path> from,
            Path clip,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        this.material = material;
        this.from = from;
        this.clip = clip;
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Trains, or goes on training.
     *
     * @param out gets {@code model.safetensors} when finished; replaced when it exists
     * @return false when stopped before the end
     */
    public boolean run(long steps, long seed, Path out) {
        return new StoppableProgress(progress, stop)
                .unlessStopped(reading -> run(steps, seed, out, reading), false);
    }

    private boolean run(long steps, long seed, Path out, Progress reading) {
        JudgeMaterial.Graded graded;
        material.read(1, reading);
        try (ClipJudge judge = ClipJudge.load(clip, ClipConvention.RAW_COSINE)) {
            graded = material.graded(judge, seed, reading);
        }
        AestheticHead head = new AestheticHead(graded.embeddings().getFirst().length);
        try {
            JudgeMaterial.Recipe usual = material.recipe(JudgeKind.AESTHETIC);
            TrainingOptions options =
                    JudgeFit.options(
                            steps,
                            Math.min(usual.batch(), graded.targets().size()),
                            usual.learningRate(),
                            usual.weightDecay(),
                            0.99,
                            seed);
            ObjectNode recipe = JudgeFit.recipe(material, JudgeKind.AESTHETIC, options);
            recipe.put("clip_sha256", WeightsHash.of(clip.resolve(BlipShape.WEIGHTS)));
            if (from.isPresent()) {
                Path weights = from.get().resolve(BlipShape.WEIGHTS);
                Weights.load(head.parameters(), weights);
                recipe.put("from_sha256", WeightsHash.of(weights));
            } else {
                head.parameters().initialise(seed);
            }
            Objective objective = new Regression(head, graded);
            return new JudgeFit(
                            work,
                            out,
                            progress,
                            stop,
                            BaseConfiguration.NONE.with("clip", BaseConfiguration.ofFolder(clip)))
                    .train(
                            JudgeKind.AESTHETIC,
                            head.parameters(),
                            objective,
                            options,
                            recipe,
                            folder ->
                                    JudgeFit.saveWeights(
                                            folder.resolve(BlipShape.WEIGHTS),
                                            head.parameters(),
                                            recipe));
        } finally {
            head.parameters().close();
        }
    }

    /** Mean squared error of scores. */
    private record Regression(AestheticHead head, JudgeMaterial.Graded graded)
            implements Objective {
        @Override
        public int rows() {
            return graded.targets().size();
        }

        @Override
        public Tensor loss(int[] batch, Rng rng, RandomGenerator random) {
            int width = graded.embeddings().getFirst().length;
            float[] x = new float[batch.length * width];
            float[] y = new float[batch.length];
            for (int i = 0; i < batch.length; i++) {
                double[] e = graded.embeddings().get(batch[i]);
                for (int c = 0; c < width; c++) {
                    x[i * width + c] = (float) e[c];
                }
                y[i] = graded.targets().get(batch[i]);
            }
            Tensor said = head.forward(Tensor.of(x, batch.length, width)).toFloat();
            return Functional.mse(said, Tensor.of(y, batch.length, 1));
        }
    }
}
