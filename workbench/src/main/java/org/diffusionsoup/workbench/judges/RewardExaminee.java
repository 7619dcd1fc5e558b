package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.BlipShape;
import org.diffusionsoup.workbench.judges.train.Degradation;
import org.diffusionsoup.workbench.judges.train.PairAccuracy;
import org.diffusionsoup.workbench.judges.train.PreferencePairs;

/** An ImageReward: does the better of two get the higher reward? */
final class RewardExaminee implements Examinee {
    private static final int BATCH = 32;

    private final ImageReward.Loaded reward;

    RewardExaminee(Path folder) {
        reward = ImageReward.load(folder);
    }

    @Override
    public String name() {
        return "reward";
    }

    @Override
    public List<Accuracy> accuracies(TrainingRows heldOut, PreferencePairs pairs) {
        return PairAccuracy.of(
                name(), List.of(Degradation.values()), heldOut, pairs, this::rewards);
    }

    private double[] rewards(List<RgbImage> images, List<String> texts) {
        double[] out = new double[images.size()];
        ImageReward model = reward.model();
        for (int from = 0; from < out.length; from += BATCH) {
            int to = Math.min(out.length, from + BATCH);
            try (Torch.Guard off = Torch.gradients(false);
                    Scope s = Scope.open()) {
                PixelTensor pixels =
                        model.pixels(
                                images.subList(from, to).stream()
                                        .map(PictureScores::picture)
                                        .toList());
                TokenRows read =
                        BlipShape.trimmed(
                                ImageReward.tokens(reward.tokenizer(), texts.subList(from, to)));
                float[] values =
                        model.forward(
                                        Tensor.of(pixels.values(), pixels.shape()),
                                        read.idTensor(),
                                        read.maskTensor())
                                .toFloatArray();
                for (int i = from; i < to; i++) {
                    out[i] = values[i - from];
                }
            }
        }
        return out;
    }

    @Override
    public List<Accuracy> accuracies(SceneExam exam) {
        return exam.pairs(name(), List.of(SceneExam.Pairs.values()), this::rewards);
    }

    @Override
    public double[] scores(List<RgbImage> images, List<Said> said) {
        return rewards(images, said.stream().map(Said::prompt).toList());
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public void close() {
        reward.model().parameters().close();
    }
}
