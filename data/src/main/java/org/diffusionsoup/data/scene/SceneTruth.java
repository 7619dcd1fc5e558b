package org.diffusionsoup.data.scene;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;

/**
 * What can be said of a scene in words, and nothing else: all that captions and questions are made
 * from. Two scenes of the same truth differ in drawings, shades and exact places only.
 *
 * @param groups one or two kinds of things
 * @param arrangement where they are
 * @param layout how the background is laid out
 * @param ground the background's colour
 * @param style the style in plain words, such as {@code line art}
 */
public record SceneTruth(
        List<Scene.Group> groups,
        Scene.Arrangement arrangement,
        Background.Kind layout,
        SceneColour ground,
        String style) {
    public SceneTruth {
        groups = List.copyOf(groups);
        boolean pair =
                arrangement == Scene.Arrangement.LEFT_OF || arrangement == Scene.Arrangement.ABOVE;
        if (groups.size() != (pair ? 2 : 1)) {
            throw new IllegalArgumentException(
                    "%d kinds of things cannot be arranged as %s"
                            .formatted(groups.size(), arrangement));
        }
    }

    /**
     * Reads the JSON object {@code scene} of a row, see {@link SceneRows}.
     *
     * @param json the object's text
     * @param where what a message calls the row
     * @throws SoupException if it is not such an object
     */
    public static SceneTruth parse(String json, String where) {
        try {
            JsonNode node = JsonMappers.PLAIN.readTree(json);
            List<Scene.Group> groups = new ArrayList<>();
            for (JsonNode g : node.path("groups")) {
                Optional<SceneColour> colour =
                        g.has("colour")
                                ? Optional.of(SceneColour.of(g.path("colour").asText()))
                                : Optional.empty();
                groups.add(
                        new Scene.Group(
                                subject(g.path("subject").asText()),
                                colour,
                                g.path("count").asInt()));
            }
            String arrangement = node.path("arrangement").asText();
            return new SceneTruth(
                    groups,
                    Arrays.stream(Scene.Arrangement.values())
                            .filter(a -> a.words().equals(arrangement))
                            .findFirst()
                            .orElseThrow(() ->
                                    new IllegalArgumentException("arrangement " + arrangement)),
                    Background.Kind.valueOf(
                            node.path("background").path("kind").asText().toUpperCase(Locale.ROOT)),
                    SceneColour.of(node.path("background").path("colour").asText()),
                    node.path("style").asText());
        } catch (JacksonException | IllegalArgumentException e) {
            throw new SoupException(
                    "the scene of %s does not say what is on the picture (%s); make the shard again"
                                    .formatted(where, e.getMessage())
                            + " with soup data build-scenes.",
                    e);
        }
    }

    private static Subject subject(String name) {
        return Subjects.all().stream()
                .filter(s -> s.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("subject " + name));
    }

    /** The groups and where they are: "a red apple left of a dog". */
    public String subjectPhrase() {
        String first = groups.get(0).phrase();
        if (groups.size() == 2) {
            return first + " " + arrangement.words() + " " + groups.get(1).phrase();
        }
        return arrangement.words().isEmpty() ? first : first + " " + arrangement.words();
    }

    /** Such as "a blue striped background". */
    public String groundPhrase() {
        return new Background(layout, ground, 0).phrase();
    }

    /** The same with another group in one place. */
    public SceneTruth with(int place, Scene.Group group) {
        List<Scene.Group> changed = new ArrayList<>(groups);
        changed.set(place, group);
        return new SceneTruth(changed, arrangement, layout, ground, style);
    }

    /** The same elsewhere. */
    public SceneTruth with(Scene.Arrangement other) {
        return new SceneTruth(groups, other, layout, ground, style);
    }

    /** The same with groups in each other's place. */
    SceneTruth reversed() {
        return new SceneTruth(groups.reversed(), arrangement, layout, ground, style);
    }

    /** The same on another background. */
    public SceneTruth with(Background.Kind otherLayout, SceneColour otherGround) {
        return new SceneTruth(groups, arrangement, otherLayout, otherGround, style);
    }

    /** The same in another style. */
    public SceneTruth with(String otherStyle) {
        return new SceneTruth(groups, arrangement, layout, ground, otherStyle);
    }
}
