package org.diffusionsoup.eval;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/**
 * A TIFA v1.0 question file: one JSON list of objects with {@code id}, {@code caption}, {@code
 * question}, {@code choices}, {@code answer} and {@code element_type}; other fields are left alone.
 *
 * @param source what a message calls it
 * @param sha256 of its bytes
 * @param questions in the file's order, at least one
 */
public record TifaQuestions(String source, String sha256, List<TifaQuestion> questions) {
    public TifaQuestions {
        questions = List.copyOf(questions);
        if (questions.isEmpty()) {
            throw new EvalException(source + " holds no question.");
        }
    }

    /**
     * Reads a file.
     *
     * @throws EvalException naming file and row if it is malformed
     * @throws org.diffusionsoup.core.SoupException if it cannot be read
     */
    public static TifaQuestions read(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        JsonNode list;
        try {
            list = JsonConfig.MAPPER.readTree(bytes);
        } catch (JacksonException e) {
            throw new EvalException(
                    "%s is not valid JSON at line %d: %s."
                            .formatted(
                                    file,
                                    e.getLocation() == null ? 1 : e.getLocation().getLineNr(),
                                    e.getOriginalMessage()));
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        if (list == null || !list.isArray()) {
            throw new EvalException(
                    file + " must hold one JSON list of questions, as TIFA v1.0's files do.");
        }
        List<TifaQuestion> questions = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            try {
                questions.add(question(list.get(i)));
            } catch (EvalException e) {
                throw new EvalException(
                        "%s, question %d of %d: %s."
                                .formatted(file, i + 1, list.size(), e.getMessage()));
            }
        }
        return new TifaQuestions(file.toString(), Hashes.sha256Hex(bytes), questions);
    }

    private static TifaQuestion question(JsonNode row) {
        if (!row.isObject()) {
            throw new EvalException("it is no JSON object");
        }
        JsonNode choices = row.path("choices");
        if (!choices.isArray()) {
            throw new EvalException("'choices' must be a list of texts");
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode choice : choices) {
            if (!choice.isTextual()) {
                throw new EvalException("'choices' must hold texts, not " + choice);
            }
            texts.add(choice.asText());
        }
        JsonNode id = row.path("id");
        return new TifaQuestion(
                id.isIntegralNumber() ? id.asText() : text(row, "id"),
                text(row, "caption"),
                text(row, "question"),
                texts,
                text(row, "answer"),
                text(row, "element_type"));
    }

    private static String text(JsonNode row, String field) {
        JsonNode value = row.path(field);
        if (!value.isTextual()) {
            throw new EvalException(
                    value.isMissingNode()
                            ? "'" + field + "' is missing"
                            : "'" + field + "' must be a text, not " + value);
        }
        return value.asText();
    }

    /** Questions by caption, in the order of each caption's first question. */
    public Map<String, List<TifaQuestion>> byCaption() {
        Map<String, List<TifaQuestion>> out = new LinkedHashMap<>();
        for (TifaQuestion q : questions) {
            out.computeIfAbsent(q.caption(), c -> new ArrayList<>()).add(q);
        }
        return out;
    }

    /** All different captions, in the file's order: what models are to draw. */
    public List<String> captions() {
        return List.copyOf(byCaption().keySet());
    }
}
