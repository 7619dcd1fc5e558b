package org.diffusionsoup.report;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;

/**
 * One self-contained HTML file: sections of prose, tables, picture grids and charts.
 *
 * <pre>{@code
 * HtmlReport report = HtmlReport.titled("Nine shards, one soup").subtitle("Run of today");
 * report.fact("Base", "emoji-base", "sha256 3fa9…");
 * report.section("The pictures").prose("Same prompts, same seeds.").add(grid);
 * report.write(Path.of("report.html"));
 * }</pre>
 *
 * <p>The same content always gives the same bytes.
 */
public final class HtmlReport {
    private final String title;
    private String subtitle = "";
    private String footer = "";
    private final List<Fact> facts = new ArrayList<>();
    private final List<Section> sections = new ArrayList<>();
    private final List<Block> lead = new ArrayList<>();

    record Fact(String label, String value, String note) {}

    private HtmlReport(String title) {
        this.title = title;
    }

    /** An empty report. */
    public static HtmlReport titled(String title) {
        return new HtmlReport(title);
    }

    /** Sets the line under the title: what, when, on which machine. */
    public HtmlReport subtitle(String text) {
        subtitle = text;
        return this;
    }

    /** Sets the last line: versions, and the command that makes this report again. */
    public HtmlReport footer(String text) {
        footer = text;
        return this;
    }

    /** Adds a key figure to the strip under the title; the note may be empty. */
    public HtmlReport fact(String label, String value, String note) {
        facts.add(new Fact(label, value, note));
        return this;
    }

    /** Adds blocks that stand before the first section: the result in short. */
    public HtmlReport lead(Block... blocks) {
        lead.addAll(List.of(blocks));
        return this;
    }

    /** Adds a section; fill it through the returned object. */
    public Section section(String heading) {
        Section section = new Section(heading);
        sections.add(section);
        return section;
    }

    /** The whole file as text. */
    public String toHtml() {
        return new PageWriter().page(this);
    }

    /**
     * Writes the file as UTF-8, in one step: a reader sees the old file or the whole new one.
     *
     * @throws SoupIoException if it cannot be written
     */
    public void write(Path file) {
        AtomicFiles.write(file, toHtml().getBytes(StandardCharsets.UTF_8));
    }

    String title() {
        return title;
    }

    String subtitle() {
        return subtitle;
    }

    String footer() {
        return footer;
    }

    List<Fact> facts() {
        return facts;
    }

    List<Block> lead() {
        return lead;
    }

    List<Section> sections() {
        return sections;
    }
}
