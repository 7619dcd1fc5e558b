package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.diffusionsoup.data.scene.Alterations;
import org.diffusionsoup.data.scene.Damage;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;

/**
 * ImageReward's pairwise loss over scenes. Each scene is there in two states, one worse than the
 * other, and each with a right and a wrong caption. Of the four the order is known: the better
 * picture with the right caption, the worse one with it, the better one with the wrong caption, the
 * worse one with that. A picture that shows something else is so always worse than a damaged one.
 */
public final class SceneRewardObjective extends SceneObjective {
    /** Share of scenes whose two states are grades, which damage in different ways. */
    private static final double GRADES = 0.3;

    /** Share of scenes whose better state is damaged too, only less. */
    private static final double BOTH = 0.4;

    /** Share of wrong captions that are wrong in one attribute; the others are another scene's. */
    private static final double ONE_ATTRIBUTE = 0.7;

    /** The grades of the paper's Table 2, worst first. */
    public static final List<Tier> GRADED =
            List.of(Tier.AE1, Tier.AE2, Tier.AE3, Tier.AE4, Tier.AE5);

    private final ImageReward reward;
    private final WordPieceTokenizer tokenizer;
    private final JudgeScenes scenes;
    private final BlipPixels pixels;

    SceneRewardObjective(
            ImageReward reward,
            WordPieceTokenizer tokenizer,
            JudgeScenes scenes,
            RowPools<JudgeScenes.Row> pools,
            int batch) {
        super(pools, batch);
        this.reward = reward;
        this.tokenizer = tokenizer;
        this.scenes = scenes;
        pixels = BlipPixels.asTheyAre(reward.vit().imageSize());
    }

    @Override
    Tensor loss(List<JudgeScenes.Row> rows, RandomGenerator random) {
        int n = rows.size();
        RgbImage[] images = new RgbImage[2 * n]; // better ones, then worse ones
        String[] right = new String[n];
        String[] wrong = new String[n];
        List<Example> examples = each(rows, random, this::example);
        for (int i = 0; i < n; i++) {
            Example e = examples.get(i);
            images[i] = e.better();
            images[n + i] = e.worse();
            right[i] = JudgeScenes.say(rows.get(i).truth(), e.wording());
            SceneTruth other = rows.get((i + 1) % n).truth();
            boolean near = e.near() || other.equals(rows.get(i).truth());
            wrong[i] = near ? e.altered() : JudgeScenes.say(other, e.wording());
        }
        List<String> texts = new ArrayList<>();
        for (String[] part : List.of(right, right, wrong, wrong)) {
            texts.addAll(List.of(part));
        }
        Tensor seen = reward.imageEmbeds(pixels.batch(List.of(images), random));
        TokenRows read = BlipShape.trimmed(ImageReward.tokens(tokenizer, texts));
        Tensor states =
                reward.textStates(
                        Tensor.cat(List.of(seen, seen), 0), read.idTensor(), read.maskTensor());
        return inOrder(reward.reward(states).toFloat());
    }

    /**
     * What a scene gives to a batch.
     *
     * @param better its better state
     * @param worse its worse state
     * @param wording of captions
     * @param near whether the wrong caption is wrong in one attribute
     * @param altered that caption
     */
    private record Example(
            RgbImage better, RgbImage worse, long wording, boolean near, String altered) {}

    private Example example(JudgeScenes.Row row, RandomGenerator random) {
        List<RgbImage> states = states(row, random);
        long wording = random.nextLong();
        boolean near = random.nextDouble() < ONE_ATTRIBUTE;
        SceneTruth altered = JudgeScenes.altered(Alterations.known(row.truth()), random);
        return new Example(
                states.get(0), states.get(1), wording, near, JudgeScenes.say(altered, wording));
    }

    /** The scene's better and its worse state. */
    private List<RgbImage> states(JudgeScenes.Row row, RandomGenerator random) {
        if (random.nextDouble() < GRADES) {
            int worse = random.nextInt(GRADED.size() - 1);
            int better = worse + 1 + random.nextInt(GRADED.size() - 1 - worse);
            RgbImage a = scenes.tier(row, GRADED.get(better), random.nextLong());
            RgbImage b = scenes.tier(row, GRADED.get(worse), random.nextLong());
            if (!a.equals(b)) { // the best grades can be alike
                return List.of(a, b);
            }
        }
        Damage damage = Damage.values()[random.nextInt(Damage.values().length)];
        long seed = random.nextLong();
        float less = 0.75f * random.nextFloat();
        if (random.nextDouble() < BOTH) {
            float more = less + 0.2f + (0.8f - less) * random.nextFloat();
            return List.of(damage.of(row.image(), less, seed), damage.of(row.image(), more, seed));
        }
        return List.of(row.image(), damage.of(row.image(), random.nextFloat(), seed));
    }

    /**
     * The loss of rewards in four known places.
     *
     * @param rewards (4N, 1): all that should be first, all second, third, fourth
     */
    static Tensor inOrder(Tensor rewards) {
        Tensor[] at = rewards.chunk(4, 0);
        return RewardObjective.loss(
                Tensor.cat(
                        List.of(
                                at[0], at[1], at[0], at[2], // better ones
                                at[1], at[2], at[2], at[3]),
                        0));
    }
}
