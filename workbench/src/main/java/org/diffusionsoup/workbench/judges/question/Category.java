package org.diffusionsoup.workbench.judges.question;

import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.data.SampleInfo;

/**
 * What kind of thing a picture shows, as a person would say it; made from Unicode's groups and
 * subgroups, which cut finer and not always as one would.
 */
public enum Category {
    ANIMAL("an animal", "animal/human"),
    PLANT("a plant", "object"),
    FOOD("food", "food"),
    DRINK("a drink", "food"),
    FACE("a face", "animal/human"),
    PERSON("a person", "animal/human"),
    HAND("a hand", "animal/human"),
    HEART("a heart", "object"),
    CLOTHING("clothing", "object"),
    VEHICLE("a vehicle", "object"),
    BUILDING("a building", "location"),
    WEATHER("sky or weather", "weather", "location"),
    MUSIC("a musical instrument", "instrument", "object"),
    SPORT("sport", "activity"),
    TOOL("a tool", "object"),
    SIGN("a sign or symbol", "symbol", "other");

    private final String phrase;
    private final String word;
    private final String elementType;

    Category(String phrase, String elementType) {
        this(phrase, phrase.replaceFirst("^an? ", ""), elementType);
    }

    Category(String phrase, String word, String elementType) {
        this.phrase = phrase;
        this.word = word;
        this.elementType = elementType;
    }

    /** With its article: {@code an animal}. */
    public String phrase() {
        return phrase;
    }

    /** The answer to "what kind of thing is this?", a single word: {@code animal}. */
    public String word() {
        return word;
    }

    /** TIFA's element type of questions about it. */
    public String elementType() {
        return elementType;
    }

    /** The category of a row, empty where its subgroup fits none of them. */
    public static Optional<Category> of(SampleInfo info) {
        String sub = info.subgroup().toLowerCase(Locale.ROOT);
        if (info.group().equals("symbols")) {
            return Optional.of(SIGN);
        }
        if (sub.startsWith("animal-") || sub.equals("cat-face") || sub.equals("monkey-face")) {
            return Optional.of(ANIMAL);
        }
        if (sub.startsWith("food-")) {
            return Optional.of(FOOD);
        }
        if (sub.startsWith("plant-")) {
            return Optional.of(PLANT);
        }
        if (sub.startsWith("face-")) {
            return Optional.of(FACE);
        }
        if (sub.startsWith("person") || sub.equals("family")) {
            return Optional.of(PERSON);
        }
        if (sub.startsWith("hand")) {
            return Optional.of(HAND);
        }
        return Optional.ofNullable(
                switch (sub) {
                    case "drink" -> DRINK;
                    case "heart" -> HEART;
                    case "clothing" -> CLOTHING;
                    case "transport-ground", "transport-air", "transport-water" -> VEHICLE;
                    case "place-building", "place-religious" -> BUILDING;
                    case "sky-weather" -> WEATHER;
                    case "musical-instrument" -> MUSIC;
                    case "sport" -> SPORT;
                    case "tool" -> TOOL;
                    default -> null;
                });
    }
}
