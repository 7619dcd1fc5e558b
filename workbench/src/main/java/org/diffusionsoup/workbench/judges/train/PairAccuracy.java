package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.judges.question.TrainingRows;

/** How often the better picture of a pair gets the higher score. */
public final class PairAccuracy {
    private PairAccuracy() {}

    /** Scores of pictures with texts, one each. */
    public interface Scorer {
        double[] scores(List<RgbImage> images, List<String> texts);
    }

    /** One line per degradation that pairs can be made by; ties count as wrong. */
    public static List<Accuracy> of(
            String judge,
            List<Degradation> kinds,
            TrainingRows heldOut,
            PreferencePairs pairs,
            Scorer scorer) {
        List<Accuracy> out = new ArrayList<>();
        long allRight = 0;
        long all = 0;
        for (Degradation kind : kinds) {
            List<RgbImage> images = new ArrayList<>();
            List<String> texts = new ArrayList<>();
            for (TrainingRows.Row row : heldOut.rows()) {
                if (pairs.has(row, kind)) {
                    PreferencePair p = pairs.of(row, kind);
                    images.addAll(List.of(p.better(), p.worse()));
                    texts.addAll(List.of(p.betterText(), p.worseText()));
                }
            }
            int n = images.size() / 2;
            if (n == 0) {
                continue;
            }
            out.add(of(judge, "better of two: " + kind.words(), images, texts, scorer));
            allRight += out.getLast().right().hits();
            all += n;
        }
        if (all > 0) {
            out.add(Accuracy.of(judge, "better of two: all kinds", allRight, all, 0.5));
        }
        return out;
    }

    /**
     * One kind of pairs.
     *
     * @param images the better one of each pair, then its worse one
     * @param texts likewise
     */
    public static Accuracy of(
            String judge, String task, List<RgbImage> images, List<String> texts, Scorer scorer) {
        double[] scores = scorer.scores(images, texts);
        long right = 0;
        for (int i = 0; i < scores.length; i += 2) {
            right += scores[i] > scores[i + 1] ? 1 : 0;
        }
        return Accuracy.of(judge, task, right, scores.length / 2, 0.5);
    }
}
