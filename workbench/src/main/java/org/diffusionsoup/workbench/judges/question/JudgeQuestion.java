package org.diffusionsoup.workbench.judges.question;

import java.util.List;

/**
 * A question about one picture, in the fields of TIFA v1.0's question files.
 *
 * @param id of the picture: the row's key
 * @param caption the prompt that a model would draw it from
 * @param question in lower case
 * @param choices two to four different answers
 * @param answer one of the choices
 * @param elementType TIFA's kind of question: {@code color}, {@code animal/human}, {@code food},
 *     {@code object}, {@code location}, {@code activity}, {@code attribute} or {@code other}
 */
public record JudgeQuestion(
        String id,
        String caption,
        String question,
        List<String> choices,
        String answer,
        String elementType) {

    /**
     * @throws IllegalArgumentException if the choices are not different or lack the answer
     */
    public JudgeQuestion {
        choices = List.copyOf(choices);
        if (choices.size() < 2
                || choices.stream().distinct().count() < choices.size()
                || !choices.contains(answer)) {
            throw new IllegalArgumentException(
                    "question '%s' of %s needs different choices that hold its answer '%s', not %s"
                            .formatted(question, id, answer, choices));
        }
    }

    /** What guessing would get right. */
    public double chance() {
        return 1.0 / choices.size();
    }

    /** Whether the choices are yes and no. */
    public boolean isYesNo() {
        return choices.equals(QuestionMaker.YES_NO);
    }
}
