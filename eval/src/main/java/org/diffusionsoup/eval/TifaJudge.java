package org.diffusionsoup.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.image.Picture;

/**
 * TIFA: whether a picture shows what its caption says, as the share of questions about the caption
 * that a visual question answering model gets right by looking at the picture (Hu et al. 2023). The
 * score of a picture is the mean over its caption's questions; a {@link ScoreSet}'s mean is then
 * over captions, as TIFA v1.0 has it.
 */
public final class TifaJudge implements PictureScorer {
    private final QuestionAnswerer answerer;
    private final TifaQuestions file;
    private final Map<String, List<TifaQuestion>> byCaption;
    private final Judge judge;
    private final SortedMap<String, long[]> tally = new TreeMap<>();

    /**
     * @param answerer who looks; closed with this judge
     * @param questions what is asked; part of the convention, for scores by other questions are
     *     other scores
     */
    public TifaJudge(QuestionAnswerer answerer, TifaQuestions questions) {
        this.answerer = answerer;
        file = questions;
        byCaption = questions.byCaption();
        judge =
                new Judge(
                        "TIFA by " + answerer.judge().name(),
                        answerer.judge().weightsSha256(),
                        "share of right answers, %d questions %s; %s"
                                .formatted(
                                        questions.questions().size(),
                                        questions.sha256().substring(0, 12),
                                        answerer.judge().convention()));
    }

    @Override
    public Judge judge() {
        return judge;
    }

    /** The captions that have questions, in the file's order: what models are to draw. */
    public List<String> captions() {
        return List.copyOf(byCaption.keySet());
    }

    /**
     * Scores pictures, each by its own caption's questions.
     *
     * @return shares of right answers, 0 to 1
     * @throws EvalException if a caption has no questions, or there are not as many captions as
     *     pictures
     */
    @Override
    public double[] score(List<Picture> pictures, List<String> captions) {
        PictureScorer.requirePaired(pictures, captions);
        Map<String, List<Integer>> rows = new LinkedHashMap<>();
        for (int i = 0; i < captions.size(); i++) {
            if (!byCaption.containsKey(captions.get(i))) {
                throw new EvalException(
                        "%s has no question about '%s'; TIFA needs some for every prompt."
                                .formatted(file.source(), captions.get(i)));
            }
            rows.computeIfAbsent(captions.get(i), c -> new ArrayList<>()).add(i);
        }
        double[] out = new double[captions.size()];
        rows.forEach((caption, own) -> {
            List<TifaQuestion> questions = byCaption.getOrDefault(caption, List.of());
            int[][] answers = answerer.answer(own.stream().map(pictures::get).toList(), questions);
            for (int i = 0; i < answers.length; i++) {
                out[own.get(i)] = share(questions, answers[i]);
            }
        });
        return out;
    }

    private double share(List<TifaQuestion> questions, int[] answers) {
        int right = 0;
        for (int q = 0; q < answers.length; q++) {
            TifaQuestion question = questions.get(q);
            boolean hit = answers[q] == question.right();
            right += hit ? 1 : 0;
            long[] counts = tally.computeIfAbsent(question.elementType(), t -> new long[2]);
            counts[0] += hit ? 1 : 0;
            counts[1]++;
        }
        return (double) right / answers.length;
    }

    /**
     * Accuracy by element type of all answers since the last call of this, and forgets them: called
     * after each model it is that model's.
     *
     * @return over single questions, not captions; sorted by type, empty if nothing was asked
     */
    public SortedMap<String, Proportion> takeAccuracyByType() {
        SortedMap<String, Proportion> out = new TreeMap<>();
        tally.forEach((type, counts) -> out.put(type, new Proportion(counts[0], counts[1])));
        tally.clear();
        return out;
    }

    @Override
    public void close() {
        answerer.close();
    }
}
