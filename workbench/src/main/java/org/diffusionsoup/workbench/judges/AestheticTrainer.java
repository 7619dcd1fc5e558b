package org.diffusionsoup.workbench.judges;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.core.WeightsHash;
import org.diffusionsoup.data.RgbImage;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.image.Picture;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.PictureScores;

/**
 * Trains a head in the format of LAION's aesthetic predictor. Nobody rated emoji for us, so its
 * targets are not taste: 9 for a real picture, down to 1 for the worst damage by noise, blur or a
 * drawing left incomplete, the same for every provider.
 */
public final class AestheticTrainer {
    private static final int BATCH = 256;
    private static final int EVERY = 3;
    private static final int PARTIAL_EVERY = 8;
    private static final double BEST = 9;
    private static final double RANGE = 8;

    private final Shard train;
    private final Path clip;
    private final Path base;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    private final List<double[]> embeddings = new ArrayList<>();
    private final List<Float> targets = new ArrayList<>();

    /**
     * @param data its held-out rows are never read
     * @param clip folder of the CLIP whose image embeddings the head reads
     * @param base folder of the model whose incomplete drawings serve as worse pictures
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps
     */
    public AestheticTrainer(
            Shard data, Path clip, Path base, Path work, Progress progress, BooleanSupplier stop) {
        this.train = data.train();
        this.clip = clip;
        this.base = base;
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
        progress.start("read pictures", train.size(), "images");
        TrainingRows rows = new TrainingRows(train, 1);
        progress.advance(train.size());
        try (ClipJudge judge = ClipJudge.load(clip, ClipConvention.RAW_COSINE)) {
            embed(rows, judge, seed);
        }
        AestheticHead head = new AestheticHead(embeddings.getFirst().length);
        try {
            head.parameters().initialise(seed);
            int batch = Math.min(BATCH, targets.size());
            TrainingOptions options = JudgeFit.options(steps, batch, 1e-3, 0.01, 0.99, seed);
            ObjectNode recipe = JudgeFit.recipe("aesthetic", train.sha256(), options);
            recipe.put("clip_sha256", WeightsHash.of(clip.resolve("model.safetensors")));
            JudgeFit fit = new JudgeFit(work, progress, stop);
            Objective objective = new Regression(head);
            if (!fit.train("aesthetic", head.parameters(), objective, options, recipe.toString())) {
                return false;
            }
            AtomicFiles.replaceFolder(
                    out,
                    OutputKind.WEIGHTS_FOLDER,
                    folder ->
                            JudgeFit.saveWeights(
                                    folder.resolve(BlipShape.WEIGHTS), head.parameters(), recipe));
            return true;
        } finally {
            head.parameters().close();
        }
    }

    private void embed(TrainingRows rows, ClipJudge judge, long seed) {
        PreferencePairs pairs = new PreferencePairs(rows);
        try (PartialDenoiser denoiser = new PartialDenoiser(StableDiffusion.load(base))) {
            progress.start(
                    "draw incomplete pictures",
                    (rows.rows().size() + PARTIAL_EVERY - 1) / PARTIAL_EVERY,
                    "images");
            pairs.addPartial(denoiser, PARTIAL_EVERY, progress::advance);
        }
        progress.start("embed pictures", rows.rows().size(), "images");
        for (int i = 0; i < rows.rows().size(); i++) {
            TrainingRows.Row row = rows.rows().get(i);
            RandomGenerator random = new SplittableRandom(Rng.mix(seed, i));
            List<Picture> pictures = new ArrayList<>();
            if (i % EVERY == 0) {
                add(row.image(), 0, pictures);
                for (Degradation d : List.of(Degradation.NOISE, Degradation.BLUR)) {
                    double level = random.nextDouble();
                    add(d.apply(row.image(), level, random), level, pictures);
                }
            }
            if (pairs.has(row, Degradation.PARTIAL_DENOISING)) {
                PreferencePair pair = pairs.of(row, Degradation.PARTIAL_DENOISING);
                add(pair.worse(), pair.level(), pictures);
            }
            embeddings.addAll(List.of(judge.embedPictures(pictures)));
            progress.advance(1);
        }
    }

    private void add(RgbImage image, double level, List<Picture> pictures) {
        pictures.add(PictureScores.picture(image));
        targets.add((float) (BEST - RANGE * level));
    }

    /** Mean squared error of scores. */
    private final class Regression implements Objective {
        private final AestheticHead head;

        Regression(AestheticHead head) {
            this.head = head;
        }

        @Override
        public int rows() {
            return targets.size();
        }

        @Override
        public Tensor loss(int[] batch, Rng rng, RandomGenerator random) {
            int width = embeddings.getFirst().length;
            float[] x = new float[batch.length * width];
            float[] y = new float[batch.length];
            for (int i = 0; i < batch.length; i++) {
                double[] e = embeddings.get(batch[i]);
                for (int c = 0; c < width; c++) {
                    x[i * width + c] = (float) e[c];
                }
                y[i] = targets.get(batch[i]);
            }
            Tensor said = head.forward(Tensor.of(x, batch.length, width)).toFloat();
            return Functional.mse(said, Tensor.of(y, batch.length, 1));
        }
    }
}
