package org.diffusionsoup.workbench.demo;

import org.diffusionsoup.core.Plural;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.report.Callout;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;

/** What the page says of who draws the training pictures again. */
final class DemoMemoryReport {
    private static final int DIGITS = 3;

    private DemoMemoryReport() {}

    static void write(DemoMemory.Made memory, Bootstrap bootstrap, Section section) {
        section.prose(
                "A small shard is cut into halves without a common picture, and an ingredient sees"
                        + " every picture of its half %s. Above: the pictures of half one. Below:"
                                .formatted(Plural.of(memory.passes(), "time"))
                        + " what models draw for their captions.");
        section.add(pictures(memory));
        section.add(rates(memory, bootstrap));
        Interval learnt = memory.rows().get(0).minus(memory.rows().get(1), bootstrap);
        if (learnt.low() <= 0) {
            section.add(tooShort(memory, learnt));
            return;
        }
        DemoMemory.Row soup = memory.rows().get(2);
        section.columns(
                Callout.shows(
                        compared(soup, memory.rows().get(0), "ingredient of half one", bootstrap),
                        compared(soup, memory.rows().get(3), "paragon", bootstrap)),
                Callout.doesNotShow(
                        "That nothing can be drawn again: a near copy is told by distance in the"
                                + " eyes of a CLIP (docs/safety.md), and one in a hundred passes"
                                + " for one by chance.",
                        "One training per model: other seeds give other numbers."));
    }

    /**
     * A run in which nobody knows pictures by heart has no pictures to forget: whatever the soup
     * and the paragon draw, it says nothing about memorization.
     */
    private static Callout tooShort(DemoMemory.Made memory, Interval learnt) {
        return Callout.warning(
                "Too short to show anything about memorization",
                "Each half was seen %s only, and its pictures have not been learnt by heart: near copies of half one, its own ingredient against that of half two, which has not seen it: %s (not clearly more)."
                        .formatted(Plural.of(memory.passes(), "time"), text(learnt)),
                "So the near copies counted above are chance likenesses, and how the soup or the"
                        + " paragon compare with an ingredient means nothing here. The full demo,"
                        + " `./soup demo` without further settings, sees each half some 90 times,"
                        + " which is enough.");
    }

    private static ImageGrid pictures(DemoMemory.Made memory) {
        ImageGrid.Builder grid =
                ImageGrid.titled("Pictures and captions of half one.", memory.captions())
                        .pixels(64);
        grid.row(
                "the shard",
                "training pictures",
                memory.originals().stream().map(PngCodec::encode).toList());
        for (DemoMemory.Row row : memory.rows()) {
            grid.row(
                    row.label(),
                    row.note(),
                    row.pictures().stream().map(PngCodec::encode).toList());
        }
        return grid.build();
    }

    private static Table rates(DemoMemory.Made memory, Bootstrap bootstrap) {
        DemoMemory.Row soup = memory.rows().get(2);
        Table.Builder table =
                Table.titled(
                        "Near copies of half one among %s of its %s: closer to one of its pictures than 99 in 100 drawings of other domains are. Intervals by bootstrap over captions."
                                .formatted(
                                        Plural.of(soup.drawings(), "drawing"),
                                        Plural.of(memory.prompts(), "caption")),
                        "Model|",
                        "Near copies|share, 95% interval",
                        "Soup less this model|95% interval");
        for (DemoMemory.Row row : memory.rows()) {
            table.row(
                    Table.Cell.text(row.label(), row.note()),
                    Table.Cell.estimate(row.rate(bootstrap), DIGITS),
                    Table.Cell.text(row == soup ? "" : text(soup.minus(row, bootstrap))));
        }
        return table.build();
    }

    /** A sentence about the difference, with what chance allows to say. */
    private static String compared(
            DemoMemory.Row soup, DemoMemory.Row other, String name, Bootstrap bootstrap) {
        Interval d = soup.minus(other, bootstrap);
        return "Near copies of half one, the soup against the %s: %s (%s)."
                .formatted(
                        name,
                        text(d),
                        d.contains(0)
                                ? "not told apart: the interval includes 0"
                                : d.estimate() > 0 ? "more" : "fewer");
    }

    private static String text(Interval difference) {
        return difference.formatSigned(DIGITS);
    }
}
