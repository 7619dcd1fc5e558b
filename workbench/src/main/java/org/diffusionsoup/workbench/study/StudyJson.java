package org.diffusionsoup.workbench.study;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;

/** The results of a study as a text that people and programs read. */
final class StudyJson {
    private StudyJson() {}

    /**
     * A record as indented JSON.
     *
     * @param without fields of the record that are left out, such as the time that it took
     */
    static String of(Object results, String... without) {
        try {
            ObjectNode tree = JsonMappers.PLAIN.valueToTree(results);
            tree.remove(List.of(without));
            return JsonMappers.INDENTED.writeValueAsString(tree) + "\n";
        } catch (JsonProcessingException e) {
            throw new SoupException("The results cannot be written as JSON.", e);
        }
    }
}
