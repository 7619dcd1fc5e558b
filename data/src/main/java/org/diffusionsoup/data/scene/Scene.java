package org.diffusionsoup.data.scene;

import java.util.List;
import java.util.Optional;

/**
 * What is on a picture and where: the truth that captions, questions and the renderer are made
 * from.
 *
 * @param groups one or two kinds of things; a group's copies look alike
 * @param arrangement where the groups are
 * @param background what lies behind them
 * @param provider whose drawings these are; all of a scene are of one provider
 * @param style the provider's style in plain words
 * @param items every single thing, group by group, the farthest back first
 */
public record Scene(
        List<Group> groups,
        Arrangement arrangement,
        Background background,
        String provider,
        String style,
        List<Item> items) {

    public Scene {
        groups = List.copyOf(groups);
        items = List.copyOf(items);
        if (groups.isEmpty() || groups.size() > 2) {
            throw new IllegalArgumentException("a scene has one or two groups");
        }
        if (items.size() != groups.stream().mapToInt(Group::count).sum()) {
            throw new IllegalArgumentException("a scene has as many items as its groups count");
        }
    }

    /**
     * One to three things of a kind.
     *
     * @param subject what they are
     * @param colour the colour they were given, empty where the drawing keeps its own
     * @param count 1 to 3
     */
    public record Group(Subject subject, Optional<SceneColour> colour, int count) {
        /** Such as "a red apple" or "two owls". */
        public String phrase() {
            String noun = count == 1 ? subject.name() : subject.plural();
            String words = colour.map(c -> c.word() + " ").orElse("") + noun;
            return (count == 1 ? Words.article(words) : Words.number(count)) + " " + words;
        }
    }

    /**
     * A drawing laid into the picture.
     *
     * @param drawing key of the drawing
     * @param cx middle, 0 (left) to 1; likewise {@code cy} from the top
     * @param size side of the drawing's square as a share of the picture's
     */
    public record Item(String drawing, float cx, float cy, float size) {}

    /** Where things are: the single group, or the first group in relation to the second. */
    public enum Arrangement {
        /** One group that fills the picture. */
        MIDDLE(""),
        LEFT("on the left"),
        RIGHT("on the right"),
        TOP("at the top"),
        BOTTOM("at the bottom"),
        /** The first group is left of the second. */
        LEFT_OF("left of"),
        /** The first group is above the second. */
        ABOVE("above");

        private final String words;

        Arrangement(String words) {
            this.words = words;
        }

        /** The words in a caption; empty for {@link #MIDDLE}. */
        public String words() {
            return words;
        }
    }

    /** What can be said of it in words. */
    public SceneTruth truth() {
        return new SceneTruth(groups, arrangement, background.kind(), background.colour(), style);
    }

    /** The groups and where they are: "a red apple left of a dog". */
    public String subjectPhrase() {
        return truth().subjectPhrase();
    }
}
