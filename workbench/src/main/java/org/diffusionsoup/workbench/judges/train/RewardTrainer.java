package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.judges.question.JudgeKind;

/**
 * Trains a small ImageReward on pairs made by known degradations. It starts, as ImageReward does,
 * from a BLIP: the image encoder and the text encoder of one that answers questions.
 */
public final class RewardTrainer {
    private final JudgeMaterial material;
    private final Optional<Path> from;
    private final Path vqa;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param from an ImageReward to go on with; without, it starts from {@code vqa}
     * @param vqa folder of the BLIP to start from; its shape and vocabulary are taken over
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps, and between pictures that are read
     */
    public RewardTrainer(
            JudgeMaterial material,
            Optional<Path> from,
            Path vqa,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        this.material = material;
        this.from = from;
        this.vqa = vqa;
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
        return new StoppableProgress(progress, stop)
                .unlessStopped(reading -> run(steps, seed, out, reading), false);
    }

    private boolean run(long steps, long seed, Path out, Progress reading) {
        ImageReward.Loaded start = from.map(ImageReward::load).orElseGet(() -> fromBlip(seed));
        ImageReward reward = start.model();
        try {
            TrainingOptions options = JudgeFit.options(material, JudgeKind.REWARD, steps, seed);
            ObjectNode recipe = JudgeFit.recipe(material, JudgeKind.REWARD, options);
            recipe.put("from_sha256", start.weightsSha256());
            JudgeFit fit =
                    new JudgeFit(
                            work,
                            out,
                            progress,
                            stop,
                            BaseConfiguration.ofFolder(from.orElse(vqa))
                                    .with("base", material.origins(JudgeKind.REWARD)));
            fit.requireOwn(JudgeKind.REWARD, recipe);
            material.read(reward.vit().imageSize(), reading);
            Objective objective =
                    material.reward(
                            reward,
                            start.tokenizer(),
                            new JudgeMaterial.Run(steps, options.batch(), seed),
                            reading);
            List<String> vocabulary = BlipShape.vocabulary(from.orElse(vqa));
            return fit.train(
                    JudgeKind.REWARD,
                    reward.parameters(),
                    objective,
                    options,
                    recipe,
                    folder ->
                            BlipShape.save(
                                    folder,
                                    reward.parameters(),
                                    reward.vit(),
                                    reward.med(),
                                    vocabulary,
                                    recipe));
        } finally {
            reward.parameters().close();
        }
    }

    /** The BLIP's encoders under a head of random weights, with the BLIP's hash. */
    private ImageReward.Loaded fromBlip(long seed) {
        BlipVqa.Loaded blip = BlipVqa.load(vqa);
        try {
            ImageReward reward = new ImageReward(blip.model().vit(), blip.model().med());
            reward.parameters().initialise(seed);
            takeOver(blip.model(), reward);
            widenHead(reward);
            return new ImageReward.Loaded(reward, blip.tokenizer(), blip.weightsSha256());
        } finally {
            blip.model().parameters().close();
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
