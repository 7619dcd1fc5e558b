package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.judges.question.JudgeQuestion;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import org.diffusionsoup.workbench.judges.question.TrainingRows;

/**
 * BLIP's question answering loss (Li et al. 2022): cross entropy of the answer's tokens. Each
 * picture is looked at once and asked several questions, drawn anew each time.
 */
final class VqaObjective implements Objective {
    /** Questions per picture and step. */
    static final int QUESTIONS = 5;

    private final BlipVqa vqa;
    private final WordPieceTokenizer tokenizer;
    private final TrainingRows rows;
    private final QuestionMaker maker;
    private final BlipPixels pixels;

    VqaObjective(BlipVqa vqa, WordPieceTokenizer tokenizer, TrainingRows rows) {
        this.vqa = vqa;
        this.tokenizer = tokenizer;
        this.rows = rows;
        maker = new QuestionMaker(rows.rows().stream().map(TrainingRows.Row::info).toList());
        // Colours are asked for: they must stay what they are.
        pixels = new BlipPixels(new Augmenter(vqa.vit().imageSize(), 0.6, 0.1));
    }

    @Override
    public int rows() {
        return rows.rows().size();
    }

    @Override
    public Tensor loss(int[] batch, Rng rng, RandomGenerator random) {
        List<RgbImage> images = new ArrayList<>();
        List<String> questions = new ArrayList<>();
        List<String> answers = new ArrayList<>();
        for (int i : batch) {
            TrainingRows.Row row = rows.rows().get(i);
            images.add(row.small());
            List<JudgeQuestion> all =
                    maker.about(row.info(), row.colours(), new Random(random.nextLong()));
            for (int q = 0; q < QUESTIONS; q++) {
                JudgeQuestion one = all.get(random.nextInt(all.size()));
                questions.add(one.question());
                answers.add(one.answer());
            }
        }
        Tensor seen = vqa.imageEmbeds(pixels.batch(images, random)).repeatInterleave(QUESTIONS);
        return loss(vqa, tokenizer, seen, questions, answers);
    }

    /**
     * The mean loss of answers.
     *
     * @param seen what is seen, once per question
     */
    static Tensor loss(
            BlipVqa vqa,
            WordPieceTokenizer tokenizer,
            Tensor seen,
            List<String> questions,
            List<String> answers) {
        TokenRows asked = BlipVqa.questions(tokenizer, questions);
        TokenRows said = vqa.answers(tokenizer, answers);
        Tensor mask = asked.maskTensor();
        Tensor states = vqa.questionStates(seen, asked.idTensor(), mask);
        return vqa.answerLoss(states, mask, said.idTensor(), said.maskTensor()).toFloat().mean();
    }
}
