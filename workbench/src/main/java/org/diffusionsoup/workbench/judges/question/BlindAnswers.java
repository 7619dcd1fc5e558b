package org.diffusionsoup.workbench.judges.question;

import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** Answers without looking: what was most often right when the same was asked in training. */
public final class BlindAnswers {
    private final Map<String, Map<String, Integer>> counts = new HashMap<>();

    /**
     * @param trained questions as training asks them
     */
    public BlindAnswers(Stream<JudgeQuestion> trained) {
        trained.forEach(q ->
                counts.computeIfAbsent(q.question(), k -> new HashMap<>())
                        .merge(q.answer(), 1, Integer::sum));
    }

    /** Whether that is the right answer to a question. */
    public boolean isRight(JudgeQuestion q) {
        Map<String, Integer> own = counts.getOrDefault(q.question(), Map.of());
        String best = q.choices().getFirst();
        for (String choice : q.choices()) {
            if (own.getOrDefault(choice, 0) > own.getOrDefault(best, 0)) {
                best = choice;
            }
        }
        return best.equals(q.answer());
    }
}
