package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.BlindAnswers;
import org.diffusionsoup.workbench.judges.question.JudgeQuestion;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.PreferencePairs;

/** A BLIP that answers questions: is the smallest loss the right choice's? */
final class VqaExaminee implements Examinee {
    private static final int PICTURES = 8;

    private final BlipVqa.Loaded vqa;
    private final BlindAnswers blind;

    /**
     * @param blind knows which answers were frequent in training
     */
    VqaExaminee(Path folder, BlindAnswers blind) {
        vqa = BlipVqa.load(folder);
        this.blind = blind;
    }

    @Override
    public String name() {
        return "vqa";
    }

    @Override
    public List<Accuracy> accuracies(TrainingRows heldOut, PreferencePairs pairs) {
        QuestionMaker maker =
                new QuestionMaker(heldOut.rows().stream().map(TrainingRows.Row::info).toList());
        return accuracies(
                heldOut.rows().stream().map(TrainingRows.Row::image).toList(),
                heldOut.rows().stream().map(r -> maker.about(r.info(), r.colours())).toList(),
                QuestionMaker::kind);
    }

    @Override
    public List<Accuracy> accuracies(SceneExam exam) {
        return accuracies(exam.images(), exam.questions(), SceneExam::kind).stream()
                .map(SceneExam::withGoal)
                .toList();
    }

    /** Over all questions of a kind, and over all. */
    private List<Accuracy> accuracies(
            List<RgbImage> images,
            List<List<JudgeQuestion>> questions,
            Function<JudgeQuestion, String> kindOf) {
        List<boolean[]> right = answers(images, questions);
        Map<String, double[]> sums = new TreeMap<>(); // right, asked, chance, blind
        for (int i = 0; i < right.size(); i++) {
            for (int q = 0; q < right.get(i).length; q++) {
                JudgeQuestion question = questions.get(i).get(q);
                for (String kind : Set.of(kindOf.apply(question), "all questions")) {
                    double[] sum = sums.computeIfAbsent(kind, k -> new double[4]);
                    sum[0] += right.get(i)[q] ? 1 : 0;
                    sum[1]++;
                    sum[2] += question.chance();
                    sum[3] += blind.isRight(question) ? 1 : 0;
                }
            }
        }
        List<Accuracy> out = new ArrayList<>();
        sums.forEach((kind, s) ->
                out.add(
                        new Accuracy(
                                name(),
                                kind,
                                new Proportion((long) s[0], (long) s[1]),
                                s[2] / s[1],
                                OptionalDouble.of(s[3] / s[1]),
                                OptionalDouble.empty())));
        return out;
    }

    /** The share of the questions that the picture lets it answer rightly. */
    @Override
    public double[] scores(List<RgbImage> images, List<Said> said) {
        return answers(images, said.stream().map(Said::questions).toList()).stream()
                .mapToDouble(right -> {
                    int hits = 0;
                    for (boolean r : right) {
                        hits += r ? 1 : 0;
                    }
                    return (double) hits / Math.max(1, right.length);
                })
                .toArray();
    }

    private List<boolean[]> answers(List<RgbImage> images, List<List<JudgeQuestion>> questions) {
        List<boolean[]> out = new ArrayList<>();
        for (int from = 0; from < images.size(); from += PICTURES) {
            int to = Math.min(images.size(), from + PICTURES);
            try (Torch.Guard off = Torch.gradients(false);
                    Scope s = Scope.open()) {
                answer(images.subList(from, to), questions.subList(from, to), out);
            }
        }
        return out;
    }

    /** All choices of all questions about a few pictures in one pass. */
    private void answer(
            List<RgbImage> images, List<List<JudgeQuestion>> questions, List<boolean[]> out) {
        List<String> asked = new ArrayList<>();
        List<Long> pictureOf = new ArrayList<>();
        List<String> choices = new ArrayList<>();
        List<Long> questionOf = new ArrayList<>();
        for (int i = 0; i < images.size(); i++) {
            for (JudgeQuestion q : questions.get(i)) {
                q.choices().forEach(c -> questionOf.add((long) asked.size()));
                choices.addAll(q.choices());
                asked.add(q.question());
                pictureOf.add((long) i);
            }
        }
        BlipVqa model = vqa.model();
        PixelTensor pixels = model.pixels(images.stream().map(PictureScores::picture).toList());
        Tensor seen = model.imageEmbeds(Tensor.of(pixels.values(), pixels.shape()));
        TokenRows read = BlipVqa.questions(vqa.tokenizer(), asked);
        Tensor mask = read.maskTensor();
        Tensor states =
                model.questionStates(seen.indexSelect(0, index(pictureOf)), read.idTensor(), mask);
        TokenRows said = model.answers(vqa.tokenizer(), choices);
        Tensor of = index(questionOf);
        float[] losses =
                model.answerLoss(
                                states.indexSelect(0, of),
                                mask.indexSelect(0, of),
                                said.idTensor(),
                                said.maskTensor())
                        .toFloatArray();
        int at = 0;
        for (List<JudgeQuestion> own : questions) {
            boolean[] right = new boolean[own.size()];
            for (int q = 0; q < right.length; q++) {
                List<String> among = own.get(q).choices();
                int best = 0;
                for (int c = 1; c < among.size(); c++) {
                    best = losses[at + c] < losses[at + best] ? c : best;
                }
                right[q] = among.get(best).equals(own.get(q).answer());
                at += among.size();
            }
            out.add(right);
        }
    }

    private static Tensor index(List<Long> values) {
        return Tensor.of(values.stream().mapToLong(Long::longValue).toArray());
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public void close() {
        vqa.model().parameters().close();
    }
}
