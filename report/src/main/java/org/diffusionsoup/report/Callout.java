package org.diffusionsoup.report;

import java.util.List;

/**
 * A framed remark.
 *
 * @param kind decides colour and sign
 * @param title one line
 * @param points one paragraph if there is one, a list if there are more
 */
public record Callout(Kind kind, String title, List<String> points) implements Block {
    /** What a remark is about. */
    public enum Kind {
        /** What the numbers support. */
        SHOWS,
        /** What they do not support. */
        DOES_NOT_SHOW,
        /** Something good to know. */
        NOTE,
        /** Something that went wrong or is missing. */
        WARNING
    }

    public Callout {
        points = List.copyOf(points);
    }

    /** "What this shows". */
    public static Callout shows(String... points) {
        return new Callout(Kind.SHOWS, "What this shows", List.of(points));
    }

    /** "What this does not show". */
    public static Callout doesNotShow(String... points) {
        return new Callout(Kind.DOES_NOT_SHOW, "What this does not show", List.of(points));
    }

    /** A remark with a title of its own. */
    public static Callout note(String title, String... points) {
        return new Callout(Kind.NOTE, title, List.of(points));
    }

    /** A warning with a title of its own. */
    public static Callout warning(String title, String... points) {
        return new Callout(Kind.WARNING, title, List.of(points));
    }
}
