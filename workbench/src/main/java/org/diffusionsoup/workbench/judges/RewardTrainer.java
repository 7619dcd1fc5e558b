package org.diffusionsoup.workbench.judges;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;

/**
 * Trains a small ImageReward on pairs made by known degradations. It starts, as ImageReward does,
 * from a BLIP: the image encoder and the text encoder of one that answers questions.
 */
public final class RewardTrainer {
    private static final int BATCH = 32;

    /** Every how manieth picture is also drawn partly denoised. */
    private static final int PARTIAL_EVERY = 8;

    private final Shard train;
    private final Path vqa;
    private final Path base;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param data its held-out rows are never read
     * @param vqa folder of the BLIP to start from; its vocabulary is taken over
     * @param base folder of the model whose incomplete drawings serve as worse pictures
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps
     */
    public RewardTrainer(
            Shard data, Path vqa, Path base, Path work, Progress progress, BooleanSupplier stop) {
        this.train = data.train();
        this.vqa = vqa;
        this.base = base;
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Trains, or goes on training.
     *
     * @param out gets the model as {@link ImageReward#load} reads it when finished; replaced when
     *     it exists
     * @return false when stopped before the end
     */
    public boolean run(long steps, long seed, Path out) {
        BlipVqa.Loaded start = BlipVqa.load(vqa);
        ImageReward reward = new ImageReward(start.model().vit(), start.model().med());
        try {
            reward.parameters().initialise(seed);
            takeOver(start.model(), reward);
            widenHead(reward);
            progress.start("read pictures", train.size(), "images");
            TrainingRows rows = new TrainingRows(train, reward.vit().imageSize());
            progress.advance(train.size());
            PreferencePairs pairs = new PreferencePairs(rows);
            try (PartialDenoiser denoiser = new PartialDenoiser(StableDiffusion.load(base))) {
                progress.start(
                        "draw incomplete pictures",
                        (rows.rows().size() + PARTIAL_EVERY - 1) / PARTIAL_EVERY,
                        "images");
                pairs.addPartial(denoiser, PARTIAL_EVERY, progress::advance);
            }
            int batch = Math.min(BATCH, rows.rows().size());
            TrainingOptions options = JudgeFit.options(steps, batch, 1e-3, 0.05, 0.99, seed);
            ObjectNode recipe = JudgeFit.recipe("reward", train.sha256(), options);
            recipe.put("from_sha256", start.weightsSha256());
            recipe.put("partial_every", PARTIAL_EVERY);
            RewardObjective objective = new RewardObjective(reward, start.tokenizer(), rows, pairs);
            JudgeFit fit = new JudgeFit(work, progress, stop);
            if (!fit.train("reward", reward.parameters(), objective, options, recipe.toString())) {
                return false;
            }
            List<String> vocabulary = vocabulary();
            AtomicFiles.replaceFolder(
                    out,
                    OutputKind.WEIGHTS_FOLDER,
                    folder ->
                            BlipShape.save(
                                    folder,
                                    reward.parameters(),
                                    reward.vit(),
                                    reward.med(),
                                    vocabulary,
                                    recipe));
            return true;
        } finally {
            reward.parameters().close();
            start.model().parameters().close();
        }
    }

    private List<String> vocabulary() {
        Path file = vqa.resolve(BlipShape.VOCABULARY);
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** Both encoders' weights; the head stays as it was initialised. */
    static void takeOver(BlipVqa from, ImageReward to) {
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Parameter p : to.parameters().all()) {
                if (p.name().startsWith("blip.")) {
                    Parameter same = from.parameters().find(p.name().substring("blip.".length()));
                    if (same == null) {
                        throw new IllegalStateException("the BLIP has no " + p.name());
                    }
                    p.value().copy_(same.value());
                }
            }
        }
    }

    /**
     * Gives the head's weights the spread that keeps its signal's size. ImageReward's own start,
     * with a hundredth of that spread in each of five layers, takes thousands of steps to wake up.
     */
    static void widenHead(ImageReward reward) {
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Parameter p : reward.parameters().all()) {
                if (p.name().startsWith("mlp.") && p.name().endsWith(".weight")) {
                    p.value().mul_((reward.med().hiddenSize() + 1) / Math.sqrt(p.shape()[1]));
                }
            }
        }
    }
}
