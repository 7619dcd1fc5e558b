package org.diffusionsoup.data.scene;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.data.artwork.EmojiProvider;

/** The subjects that drawings and scenes are made of, from the resource {@code subjects.json}. */
public final class Subjects {
    private static final Map<Subject, JsonNode> ALL = read();

    private Subjects() {}

    /** All subjects, in the resource's order: the paper's domains, then the held-out ones. */
    public static List<Subject> all() {
        return List.copyOf(ALL.keySet());
    }

    /**
     * Code points of the emoji that stands for a subject in a set: lower-case hex joined by '-'.
     * OpenMoji's drawing of one emoji may show another thing than the others' do.
     */
    static String emoji(Subject subject, EmojiProvider provider) {
        JsonNode node = ALL.get(subject);
        if (node == null) {
            throw new SoupException("there is no subject " + subject);
        }
        String usual = node.path("emoji").asText();
        return switch (provider) {
            case NOTO, FLUENT, TWEMOJI -> usual;
            case OPENMOJI, LINEART -> node.path("openmoji").asText(usual);
        };
    }

    private static Map<Subject, JsonNode> read() {
        Map<Subject, JsonNode> subjects = new LinkedHashMap<>();
        for (JsonNode node : resource("subjects.json")) {
            Subject subject =
                    new Subject(
                            node.path("name").asText(),
                            node.path("plural").asText(),
                            node.path("domain").asText(),
                            node.path("tintable").asBoolean(),
                            node.path("heldOut").asBoolean());
            subjects.put(subject, node);
        }
        return subjects;
    }

    /** The entries of a JSON list beside this class. */
    static List<JsonNode> resource(String name) {
        try (InputStream in = Subjects.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new SoupException("the list " + name + " is missing from the jar");
            }
            List<JsonNode> entries = new ArrayList<>();
            JsonMappers.PLAIN.readTree(in).forEach(entries::add);
            return entries;
        } catch (IOException e) {
            throw new SoupException("the list " + name + " in the jar is not valid JSON", e);
        }
    }
}
