package org.diffusionsoup.workbench.judges.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.Drawings;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The judges' losses, on a toy world that can be learnt in seconds. */
final class ObjectivesTest {
    @TempDir private Path dir;

    private Shard shard;
    private TrainingRows rows;

    @BeforeEach
    void draw() {
        shard = Drawings.shard(dir);
        rows = new TrainingRows(shard.train(), 40, Progress.silent());
    }

    @Test
    void pairLossIsMinusLogSigmoidOfTheDifferenceAndSoIsItsGradient() {
        float[] better = {0.5f, -1, 3};
        float[] worse = {0, 1, 2.5f};
        try (Scope s = Scope.open()) {
            Tensor r = Tensor.of(new float[] {0.5f, -1, 3, 0, 1, 2.5f}, 6, 1).requiresGrad_(true);
            Tensor loss = RewardObjective.loss(r);
            double expected = 0;
            for (int i = 0; i < 3; i++) {
                expected += Math.log1p(Math.exp(-(better[i] - worse[i]))) / 3;
            }
            assertThat((double) loss.item()).isEqualTo(expected, within(1e-6));
            loss.backward();
            float[] grad = r.grad().toFloatArray();
            for (int i = 0; i < 3; i++) {
                double sigmoid = 1 / (1 + Math.exp(better[i] - worse[i]));
                assertThat((double) grad[i]).isEqualTo(-sigmoid / 3, within(1e-6));
                assertThat((double) grad[3 + i]).isEqualTo(sigmoid / 3, within(1e-6));
            }
        }
    }

    @Test
    void targetsSumToOneAndGiveALittleToTheSameKind() {
        try (Scope s = Scope.open()) {
            float[] t =
                    SubjectClipObjective.targets(new String[] {"cat", "cat", "car", "cat", ""})
                            .toFloatArray();
            for (int i = 0; i < 5; i++) {
                double sum = 0;
                for (int j = 0; j < 5; j++) {
                    sum += t[5 * i + j];
                    assertThat(t[5 * i + j]).isEqualTo(t[5 * j + i]);
                }
                assertThat(sum).isEqualTo(1, within(1e-6));
            }
            assertThat(t[1]).isEqualTo(t[3]).isPositive().isLessThan(t[0]);
            assertThat(t[5 * 2 + 2]).isEqualTo(1);
            assertThat(t[5 * 4 + 4]).isEqualTo(1);
        }
    }

    @Test
    void questionsAreLearnt() {
        List<String> vocabulary =
                WordPieces.of(QuestionMaker.texts(QuestionMaker.of(shard, Progress.silent())));
        WordPieceTokenizer tokenizer = WordPieceTokenizer.of(vocabulary, "test");
        BlipVqa vqa = new BlipVqa(BlipShape.vit(), BlipShape.med(tokenizer.size()));
        try {
            vqa.parameters().initialise(3);
            learns(vqa.parameters(), new VqaObjective(vqa, tokenizer, rows), 40, 0.6);
        } finally {
            vqa.parameters().close();
        }
    }

    @Test
    void damageIsLearnt() {
        List<String> texts = rows.rows().stream().map(r -> r.info().caption()).toList();
        WordPieceTokenizer tokenizer = WordPieceTokenizer.of(WordPieces.of(texts), "test");
        ImageReward reward = new ImageReward(BlipShape.vit(), BlipShape.med(tokenizer.size()));
        try {
            reward.parameters().initialise(3);
            RewardTrainer.widenHead(reward);
            PreferencePairs pairs = new PreferencePairs(rows);
            learns(
                    reward.parameters(),
                    new RewardObjective(reward, tokenizer, rows, pairs),
                    100,
                    0.9);
        } finally {
            reward.parameters().close();
        }
    }

    @Test
    void rewardTakesOverTheQuestionAnswerersEncoders() {
        BlipVqa vqa = new BlipVqa(BlipShape.vit(), BlipShape.med(50));
        ImageReward reward = new ImageReward(BlipShape.vit(), BlipShape.med(50));
        vqa.parameters().initialise(1);
        reward.parameters().initialise(2);
        float[] head = first(reward.parameters(), "mlp.layers.0.weight");
        RewardTrainer.takeOver(vqa, reward);
        for (String name : List.of("visual_encoder.pos_embed", "visual_encoder.norm.weight")) {
            assertThat(first(reward.parameters(), "blip." + name))
                    .isEqualTo(first(vqa.parameters(), name));
        }
        String words = "text_encoder.embeddings.word_embeddings.weight";
        assertThat(first(reward.parameters(), "blip." + words))
                .isEqualTo(first(vqa.parameters(), words));
        assertThat(first(reward.parameters(), "mlp.layers.0.weight")).isEqualTo(head);
        vqa.parameters().close();
        reward.parameters().close();
    }

    @Test
    void wordPiecesKnowEveryWordOfTheirTextsAndSpellTheRest() {
        List<String> vocabulary = WordPieces.of(List.of("red cat", "a red teapot", "tea tea"));
        assertThat(vocabulary).startsWith("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");
        assertThat(vocabulary).contains("red", "tea").doesNotContain("cat").doesNotHaveDuplicates();
        WordPieceTokenizer tokenizer = WordPieceTokenizer.of(vocabulary, "test");
        assertThat(tokenizer.encode("red").length).isEqualTo(3);
        int unknown = vocabulary.indexOf("[UNK]");
        assertThat(tokenizer.encode("a teapot, unheard-of!")).doesNotContain(unknown);
        assertThat(WordPieces.of(List.of("tea tea", "a red teapot", "red cat")))
                .isEqualTo(vocabulary);
    }

    private static float[] first(Parameters p, String name) {
        var parameter = p.find(name);
        assertThat(parameter).as(name).isNotNull();
        return parameter.value().toFloatArray();
    }

    /** The mean loss over the last steps must be this share of the first one's, or less. */
    private void learns(Parameters parameters, Objective objective, int steps, double share) {
        TrainingOptions options = JudgeFit.options(steps, 8, 2e-3, 0.01, 0, 1);
        try (TrainingRun run =
                new TrainingRun(parameters, objective, options, dir.resolve("state"), "test")) {
            run.run(0, () -> false, p -> {});
            double first = run.curve().getFirst().loss();
            double last =
                    IntStream.range(steps - 8, steps)
                            .mapToDouble(i -> run.curve().get(i).loss())
                            .average()
                            .orElseThrow();
            assertThat(last).isLessThan(share * first);
        }
    }

    @Test
    void sameSeedSameLoss() {
        WordPieceTokenizer tokenizer =
                WordPieceTokenizer.of(WordPieces.of(List.of("a red square")), "test");
        ImageReward reward = new ImageReward(BlipShape.vit(), BlipShape.med(tokenizer.size()));
        reward.parameters().initialise(3);
        Objective o = new RewardObjective(reward, tokenizer, rows, new PreferencePairs(rows));
        int[] batch = {0, 3, 5};
        float[] losses = new float[2];
        for (int i = 0; i < 2; i++) {
            try (Scope s = Scope.open();
                    Rng rng = new Rng(7)) {
                losses[i] = o.loss(batch, rng, new SplittableRandom(7)).item();
            }
        }
        assertThat(losses[0]).isEqualTo(losses[1]).isPositive();
        reward.parameters().close();
    }
}
