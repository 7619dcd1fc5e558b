package org.diffusionsoup.eval;

import java.util.HashSet;
import java.util.List;

/**
 * A question about the picture of one caption, with the fields of TIFA v1.0's question files.
 *
 * @param id of the caption
 * @param caption what the picture should show
 * @param question to be answered by looking at the picture
 * @param choices two or more different answers
 * @param answer the right one of them
 * @param elementType what is asked about: {@code color}, {@code counting}, {@code object}, …
 */
public record TifaQuestion(
        String id,
        String caption,
        String question,
        List<String> choices,
        String answer,
        String elementType) {

    /**
     * @throws EvalException if a text is blank, a choice comes twice or there is but one, or the
     *     answer is not among them
     */
    public TifaQuestion {
        choices = List.copyOf(choices);
        if (caption.isBlank() || question.isBlank() || elementType.isBlank()) {
            throw new EvalException("caption, question and element_type must not be blank");
        }
        if (choices.size() < 2) {
            throw new EvalException(
                    "it has %d choices where at least 2 are needed".formatted(choices.size()));
        }
        if (new HashSet<>(choices).size() < choices.size()) {
            throw new EvalException("a choice comes twice in " + choices);
        }
        if (!choices.contains(answer)) {
            throw new EvalException(
                    "the answer '%s' is not among the choices %s".formatted(answer, choices));
        }
    }

    /** Index of the right choice. */
    public int right() {
        return choices.indexOf(answer);
    }
}
