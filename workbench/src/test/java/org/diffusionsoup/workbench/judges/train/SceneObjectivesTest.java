package org.diffusionsoup.workbench.judges.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.diffusionsoup.data.scene.Captions;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.judges.SceneExam;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;
import org.diffusionsoup.workbench.judges.question.Said;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Losses and exams on scenes. */
final class SceneObjectivesTest {
    private static JudgeScenes scenes;

    @BeforeAll
    static void load() {
        scenes = new JudgeScenes(Drawings.load(Path.of("..", "shards", "drawings")));
    }

    /** Two pictures, a damaged twin of the first, one wrong caption each; by hand. */
    @Test
    void aPictureChoosesAmongCaptionsAndItsWrongOnesACaptionAmongPicturesAndTwins() {
        float[][] image = {{1, 0}, {0, 1}, {0.6f, 0.8f}};
        float[][] text = {{0.8f, 0.6f}, {0, 1}, {0.6f, 0.8f}, {1, 0}};
        double scale = 3;
        double[][] byPicture = {
            {dot(image[0], text[0]), dot(image[0], text[1]), dot(image[0], text[2])},
            {dot(image[1], text[0]), dot(image[1], text[1]), dot(image[1], text[3])},
            {dot(image[2], text[0]), dot(image[2], text[1]), dot(image[2], text[2])}
        };
        double expected =
                (surprise(byPicture[0], 0, scale)
                                + surprise(byPicture[1], 1, scale)
                                + surprise(byPicture[2], 0, scale))
                        / 3;
        double[][] byText = new double[2][3];
        for (int t = 0; t < 2; t++) {
            for (int i = 0; i < 3; i++) {
                byText[t][i] = dot(image[i], text[t]);
            }
        }
        expected += (surprise(byText[0], 0, scale) + surprise(byText[1], 1, scale)) / 2;
        try (Scope s = Scope.open()) {
            Tensor loss =
                    SceneClipObjective.loss(rows(image), rows(text), 2, 1, Tensor.full(scale, 1));
            assertThat((double) loss.item()).isEqualTo(expected / 2, within(1e-5));
        }
    }

    private static Tensor rows(float[][] values) {
        float[] flat = new float[2 * values.length];
        for (int i = 0; i < flat.length; i++) {
            flat[i] = values[i / 2][i % 2];
        }
        return Tensor.of(flat, values.length, 2);
    }

    private static double dot(float[] a, float[] b) {
        return a[0] * b[0] + a[1] * b[1];
    }

    /** -log softmax at one place. */
    private static double surprise(double[] logits, int at, double scale) {
        double sum = Arrays.stream(logits).map(l -> Math.exp(scale * l)).sum();
        return Math.log(sum) - scale * logits[at];
    }

    @Test
    void rewardsInOrderLoseTheMeanOverFourPairs() {
        double[] r = {1, 0.5, -0.25, -2};
        double expected =
                (softplus(r[1] - r[0])
                                + softplus(r[2] - r[0])
                                + softplus(r[2] - r[1])
                                + softplus(r[3] - r[2]))
                        / 4;
        try (Scope s = Scope.open()) {
            Tensor rewards = Tensor.of(new float[] {1, 0.5f, -0.25f, -2}, 4, 1);
            assertThat((double) SceneRewardObjective.inOrder(rewards).item())
                    .isEqualTo(expected, within(1e-6));
        }
    }

    private static double softplus(double x) {
        return Math.log1p(Math.exp(x));
    }

    @Test
    void poolsGoOnWhereARunIsResumed() {
        RowPools<Long> pools = RowPools.forRun(i -> i, 1000, 6, 2);
        assertThat(pools.size()).isEqualTo(6);
        assertThat(pools.pool(2)).containsExactly(12L, 13L, 14L, 15L, 16L, 17L);
        // Three batches of two are an epoch, and six the life of a pool.
        assertThat(List.of(pools.poolOf(0, 2), pools.poolOf(5, 2), pools.poolOf(6, 2)))
                .containsExactly(0L, 0L, 1L);
        assertThat(RowPools.forRun(i -> i, 4, 6, 2).size()).isEqualTo(4);
    }

    /** Scenes, captions, questions and damage of a step depend on the step alone. */
    @Test
    void theSameStepHasTheSameLoss() {
        SceneMaterial material =
                new SceneMaterial(
                        Drawings.load(Path.of("..", "shards", "drawings")), OptionalInt.empty());
        List<String> words = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            words.add(Captions.whole(scenes.knownTruth(0, i)));
        }
        WordPieceTokenizer tokenizer = WordPieceTokenizer.of(WordPieces.of(words), "test");
        BlipVqa vqa = new BlipVqa(BlipShape.vit(), BlipShape.med(tokenizer.size()));
        ImageReward reward = new ImageReward(BlipShape.vit(), BlipShape.med(tokenizer.size()));
        JudgeMaterial.Run run = new JudgeMaterial.Run(4, 3, 7);
        try {
            vqa.parameters().initialise(1);
            reward.parameters().initialise(1);
            assertThat(loss(material.vqa(vqa, tokenizer, run), 1))
                    .isEqualTo(loss(material.vqa(vqa, tokenizer, run), 1))
                    .isPositive();
            float first = loss(material.reward(reward, tokenizer, run, Progress.silent()), 0);
            assertThat(loss(material.reward(reward, tokenizer, run, Progress.silent()), 0))
                    .isEqualTo(first)
                    .isPositive();
        } finally {
            vqa.parameters().close();
            reward.parameters().close();
        }
    }

    private static float loss(Objective objective, long step) {
        try (Scope s = Scope.open();
                Rng rng = new Rng(step)) {
            objective.begin(step);
            return objective.loss(new int[] {0, 1, 2}, rng, new SplittableRandom(step)).item();
        }
    }

    /** The picture itself, two damages, two grades; only what is untouched is of the best grade. */
    @Test
    void gradesFallWithDamage() {
        int scenesSeen = 6;
        SceneMaterial material =
                new SceneMaterial(Drawings.load(Path.of("..", "shards", "drawings")), scenesSeen);
        Path folder = Path.of("..", "models", "judge-clip");
        try (ClipJudge clip = ClipJudge.load(folder, ClipConvention.RAW_COSINE)) {
            JudgeMaterial.Graded graded = material.graded(clip, 3, Progress.silent());
            assertThat(graded.embeddings()).hasSize(5 * scenesSeen);
            assertThat(graded.targets()).hasSize(5 * scenesSeen);
            for (int i = 0; i < scenesSeen; i++) {
                double[] whole = graded.embeddings().get(5 * i);
                assertThat(graded.targets().get(5 * i)).isEqualTo(9);
                for (int k = 1; k < 5; k++) {
                    double[] other = graded.embeddings().get(5 * i + k);
                    // Unit vectors; the sum depends a little on the place in a batch.
                    double cosine =
                            IntStream.range(0, whole.length)
                                    .mapToDouble(c -> whole[c] * other[c])
                                    .sum();
                    boolean same = cosine > 1 - 1e-9;
                    float target = graded.targets().get(5 * i + k);
                    assertThat(target).isBetween(1f, 9f);
                    assertThat(target == 9).as("%d %d", i, k).isEqualTo(same);
                }
            }
        }
    }

    @Test
    void everyExamPictureHasAHundredDifferentPrompts() {
        for (int i = 0; i < 120; i++) {
            SceneTruth truth = scenes.heldOutTruth(i);
            List<String> prompts = new ArrayList<>(List.of(Captions.whole(truth)));
            SceneExam.others(truth, i).forEach(o -> prompts.add(Captions.whole(o.truth())));
            assertThat(prompts).hasSize(SceneExam.PROMPTS).doesNotHaveDuplicates();
        }
    }

    /** A judge that sees nothing is never right, one that reads the right captions always is. */
    @Test
    void anExamOfPairsIsPassedByWhoKnows() {
        SceneExam exam = new SceneExam(scenes, 12);
        List<SceneExam.Pairs> kinds =
                List.of(
                        SceneExam.Pairs.OTHER,
                        SceneExam.Pairs.ALTERED,
                        SceneExam.Pairs.OTHER_BEFORE_DAMAGED,
                        SceneExam.Pairs.ALTERED_BEFORE_DAMAGED);
        List<String> captions = exam.said().stream().map(Said::prompt).toList();
        List<Accuracy> known =
                exam.pairs(
                        "oracle",
                        kinds,
                        (images, texts) ->
                                texts.stream()
                                        .mapToDouble(t -> captions.contains(t) ? 1 : 0)
                                        .toArray());
        // Another's caption is one of the exam's, too.
        assertThat(known.get(0).right().hits()).isZero();
        assertThat(known.get(1).right().hits()).isEqualTo(12);
        assertThat(known.get(1).meetsGoal()).isTrue();
        assertThat(known.get(0).meetsGoal()).isFalse();
        assertThat(known.get(3).right().hits()).isEqualTo(12);
        assertThat(known.getLast().right().total()).isEqualTo(48);

        List<RgbImage> clean = exam.images();
        List<Accuracy> damage =
                exam.pairs(
                        "oracle",
                        List.of(SceneExam.Pairs.DAMAGED),
                        (images, texts) ->
                                images.stream()
                                        .mapToDouble(p -> clean.contains(p) ? 1 : 0)
                                        .toArray());
        assertThat(damage.getFirst().right().hits()).isEqualTo(12);
    }
}
