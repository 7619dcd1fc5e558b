package org.diffusionsoup.workbench.study;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.eval.Interval;

/** The results files of studies in a folder, {@code WORD.json} each. */
final class StudyFiles {
    private final Path folder;
    private final Map<String, StudyResults> read = new HashMap<>();

    StudyFiles(Path folder) {
        this.folder = folder;
    }

    /** Whether there are results of any study. */
    boolean hasAny() {
        return Study.words().stream().anyMatch(this::has) || has("propositions");
    }

    boolean has(String study) {
        return Files.isRegularFile(file(study));
    }

    Path file(String study) {
        return folder.resolve(study + ".json");
    }

    StudyResults results(String study) {
        return read.computeIfAbsent(study, s -> StudyResults.read(file(s)));
    }

    /**
     * A number with its interval, or alone.
     *
     * @param pointer RFC 6901, to a number or to an object with estimate, low and high
     * @throws SoupException if there is neither
     */
    Interval number(String study, String pointer) {
        JsonNode node = tree(study).at(pointer);
        if (node.isNumber()) {
            double value = node.asDouble();
            return new Interval(value, value, value, 0.95);
        }
        if (!node.path("estimate").isNumber()) {
            throw new SoupException("%s has no number at %s.".formatted(file(study), pointer));
        }
        return new Interval(
                node.path("estimate").asDouble(),
                node.path("low").asDouble(),
                node.path("high").asDouble(),
                0.95);
    }

    /** The day on which a study was made; empty where it does not say. */
    String date(String study) {
        return tree(study).path("date").asText("");
    }

    private JsonNode tree(String study) {
        try {
            return JsonMappers.PLAIN.readTree(file(study).toFile());
        } catch (IOException e) {
            throw new SoupIoException("read", file(study), e);
        }
    }

    @Override
    public String toString() {
        return folder.toString();
    }
}
