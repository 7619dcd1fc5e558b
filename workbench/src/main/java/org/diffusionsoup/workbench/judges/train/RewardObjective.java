package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.judges.question.TrainingRows;

/**
 * ImageReward's pairwise loss (Xu et al. 2023, equation 1): -log sigmoid(r_better - r_worse), over
 * pairs made by known degradations.
 */
final class RewardObjective implements Objective {
    /** Share of pairs that differ in the caption; the rest is shared evenly by the others. */
    private static final double WRONG_CAPTION = 0.45;

    private static final List<Degradation> DAMAGE =
            List.of(
                    Degradation.NOISE,
                    Degradation.BLUR,
                    Degradation.COLOUR_SHIFT,
                    Degradation.PARTIAL_DENOISING);

    private final ImageReward reward;
    private final WordPieceTokenizer tokenizer;
    private final TrainingRows rows;
    private final PreferencePairs pairs;
    private final BlipPixels pixels;

    RewardObjective(
            ImageReward reward,
            WordPieceTokenizer tokenizer,
            TrainingRows rows,
            PreferencePairs pairs) {
        this.reward = reward;
        this.tokenizer = tokenizer;
        this.rows = rows;
        this.pairs = pairs;
        // Noise and changed colours are what some pairs differ in: only places may change.
        pixels = new BlipPixels(new Augmenter(reward.vit().imageSize(), 0.6, 0));
    }

    @Override
    public int rows() {
        return rows.rows().size();
    }

    @Override
    public Tensor loss(int[] batch, Rng rng, RandomGenerator random) {
        int n = batch.length;
        List<RgbImage> images = new ArrayList<>();
        long[] index = new long[2 * n]; // better ones, then worse ones
        String[] texts = new String[2 * n];
        for (int i = 0; i < n; i++) {
            PreferencePair pair = draw(rows.rows().get(batch[i]), random);
            index[i] = images.size();
            images.add(small(pair.better()));
            if (!pair.worse().equals(pair.better())) {
                images.add(small(pair.worse()));
            }
            index[n + i] = images.size() - 1;
            texts[i] = pair.betterText();
            texts[n + i] = pair.worseText();
        }
        Tensor seen =
                reward.imageEmbeds(pixels.batch(images, random)).indexSelect(0, Tensor.of(index));
        TokenRows read = BlipShape.trimmed(ImageReward.tokens(tokenizer, List.of(texts)));
        Tensor states = reward.textStates(seen, read.idTensor(), read.maskTensor());
        return loss(reward.reward(states).toFloat());
    }

    /**
     * The loss of rewards.
     *
     * @param rewards (2N, 1), the better ones first
     */
    static Tensor loss(Tensor rewards) {
        long n = rewards.size(0) / 2;
        Tensor pair = Tensor.cat(List.of(rewards.narrow(0, 0, n), rewards.narrow(0, n, n)), 1);
        return Functional.logSoftmax(pair, 1).select(1, 0).mean().neg();
    }

    private RgbImage small(RgbImage image) {
        return image.resized(reward.vit().imageSize(), reward.vit().imageSize());
    }

    private PreferencePair draw(TrainingRows.Row row, RandomGenerator random) {
        Function<SampleInfo, String> say = way(random);
        Degradation kind =
                random.nextDouble() < WRONG_CAPTION
                        ? Degradation.WRONG_CAPTION
                        : DAMAGE.get(random.nextInt(DAMAGE.size()));
        if (kind == Degradation.PARTIAL_DENOISING && !pairs.partialRows().isEmpty()) {
            row = pairs.partialRows().get(random.nextInt(pairs.partialRows().size()));
        }
        if (!pairs.has(row, kind)) {
            kind = Degradation.NOISE;
        }
        return kind.isOnPixels() && random.nextDouble() < 0.4
                ? pairs.twoLevels(row, kind, say, random)
                : pairs.of(row, kind, say, PreferencePairs.LOWEST, random);
    }

    /** How both captions of a pair are put, so that their form gives nothing away. */
    private static Function<SampleInfo, String> way(RandomGenerator random) {
        double way = random.nextDouble();
        if (way < 0.6) {
            return SampleInfo::prompt;
        }
        return way < 0.8
                ? SampleInfo::caption
                : info -> info.name().isEmpty() ? info.caption() : info.name();
    }
}
