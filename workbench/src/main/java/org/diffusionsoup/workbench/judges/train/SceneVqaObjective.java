package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.judges.question.JudgeQuestion;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;
import org.diffusionsoup.workbench.judges.question.SceneQuestions;

/**
 * BLIP's question answering loss over scenes. Half of the pictures are damaged, never strongly: a
 * judge that answered as well about a ruined picture could not tell that it is one.
 */
public final class SceneVqaObjective extends SceneObjective {
    /** Questions per picture and step; the first ones of a shuffled list. */
    public static final int QUESTIONS = 6;

    private static final double DAMAGED = 0.5;

    private final BlipVqa vqa;
    private final WordPieceTokenizer tokenizer;
    private final BlipPixels pixels;

    SceneVqaObjective(
            BlipVqa vqa, WordPieceTokenizer tokenizer, RowPools<JudgeScenes.Row> pools, int batch) {
        super(pools, batch);
        this.vqa = vqa;
        this.tokenizer = tokenizer;
        pixels = BlipPixels.asTheyAre(vqa.vit().imageSize());
    }

    @Override
    Tensor loss(List<JudgeScenes.Row> rows, RandomGenerator random) {
        List<Asked> asked = each(rows, random, SceneVqaObjective::asked);
        List<RgbImage> images = asked.stream().map(Asked::image).toList();
        List<JudgeQuestion> all = asked.stream().flatMap(a -> a.questions().stream()).toList();
        List<String> questions = all.stream().map(JudgeQuestion::question).toList();
        List<String> answers = all.stream().map(JudgeQuestion::answer).toList();
        Tensor seen = vqa.imageEmbeds(pixels.batch(images, random)).repeatInterleave(QUESTIONS);
        return VqaObjective.loss(vqa, tokenizer, seen, questions, answers);
    }

    /** A picture and what is asked about it. */
    private record Asked(RgbImage image, List<JudgeQuestion> questions) {}

    private static Asked asked(JudgeScenes.Row row, RandomGenerator random) {
        RgbImage image =
                random.nextDouble() < DAMAGED
                        ? JudgeScenes.damaged(row.image(), 0, 0.6, random)
                        : row.image();
        List<JudgeQuestion> all =
                new ArrayList<>(SceneQuestions.about("", "", row.truth(), random.nextLong()));
        Collections.shuffle(all, new Random(random.nextLong()));
        return new Asked(image, List.copyOf(all.subList(0, QUESTIONS)));
    }
}
