package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.List;

/** A headed part of a report; blocks are shown in the order they are added. */
public final class Section {
    private final String title;
    private final List<Block> blocks = new ArrayList<>();

    Section(String title) {
        this.title = title;
    }

    /** Adds blocks. */
    public Section add(Block... more) {
        blocks.addAll(List.of(more));
        return this;
    }

    /** Adds a paragraph; {@code `code`} and {@code **strong**} are marked up. */
    public Section prose(String text) {
        return add(new Block.Prose(text));
    }

    /** Adds a bulleted list. */
    public Section bullets(String... items) {
        return add(new Block.Bullets(List.of(items)));
    }

    /** Adds preformatted text. */
    public Section code(String text) {
        return add(new Block.Code(text));
    }

    /** Adds blocks beside each other. */
    public Section columns(Block... side) {
        return add(new Block.Columns(List.of(side)));
    }

    /** Adds blocks that are folded away at first. */
    public Section details(String summary, Block... folded) {
        return add(new Block.Details(summary, List.of(folded)));
    }

    String title() {
        return title;
    }

    List<Block> blocks() {
        return blocks;
    }
}
