package org.diffusionsoup.workbench.judges.question;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.JsonMappers;

/** Writes questions as TIFA v1.0 keeps them: one JSON array of objects. */
public final class QuestionFile {
    private QuestionFile() {}

    /** Writes the whole file at once; the same questions give the same bytes. */
    public static void write(List<JudgeQuestion> questions, Path file) {
        ArrayNode all = JsonMappers.PLAIN.createArrayNode();
        for (JudgeQuestion q : questions) {
            ObjectNode o = all.addObject();
            o.put("id", q.id());
            o.put("caption", q.caption());
            o.put("question", q.question());
            ArrayNode choices = o.putArray("choices");
            q.choices().forEach(choices::add);
            o.put("answer", q.answer());
            o.put("element_type", q.elementType());
        }
        try {
            String json = JsonMappers.INDENTED.writeValueAsString(all) + "\n";
            AtomicFiles.write(file, json.getBytes(StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new SoupException(file + " cannot be written", e);
        }
    }
}
