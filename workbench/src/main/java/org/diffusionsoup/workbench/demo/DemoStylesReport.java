package org.diffusionsoup.workbench.demo;

import java.util.Objects;
import java.util.function.Function;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.report.Callout;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;
import org.diffusionsoup.workbench.demo.DemoStyles.Likeness;

/** What the page says of two styles in one soup, and of what goes when one of them leaves. */
final class DemoStylesReport {
    private static final int DIGITS = 3;

    private final DemoStyles.Made styles;
    private final Bootstrap bootstrap;

    private DemoStylesReport(DemoStyles.Made styles, Bootstrap bootstrap) {
        this.styles = styles;
        this.bootstrap = bootstrap;
    }

    static void write(DemoStyles.Made styles, Bootstrap bootstrap, Section section) {
        new DemoStylesReport(styles, bootstrap).write(section);
    }

    private void write(Section section) {
        section.prose(
                "One ingredient has seen line art, the other shaded drawings of other subjects;"
                        + " their captions say nothing of a style, and neither do these prompts."
                        + " The soup draws outlines filled with paler colour, which is in no"
                        + " shard.");
        ImageGrid.Builder grid =
                ImageGrid.titled("The same noise in every row.", DemoStyles.PROMPTS).pixels(64);
        for (DemoStyles.Row row : styles.rows()) {
            grid.row(
                    row.label(),
                    row.note(),
                    row.pictures().stream().map(PngCodec::encode).toList());
        }
        section.add(grid.build());
        section.prose(
                "When one of the two shards leaves, what only it knew goes: the soup that is"
                        + " averaged again is the other's ingredient.");
        section.add(
                Table.titled(
                                "Mean CLIP score of %s, each of a thing that both have drawn, for its caption in the one style and in the other. Differences are paired by caption; intervals by bootstrap."
                                        .formatted(Plural.of(styles.asked().size(), "picture")),
                                "Withdrawn|",
                                "As line art|after less before, 95% interval",
                                "As shaded|after less before, 95% interval")
                        .row(change(DemoStyles.LINE_ART, DemoStyles.SHADED))
                        .row(change(DemoStyles.SHADED, DemoStyles.LINE_ART))
                        .build());
        section.columns(
                Callout.shows(
                        sentence(DemoStyles.LINE_ART, DemoStyles.SHADED, Likeness::lines),
                        sentence(DemoStyles.SHADED, DemoStyles.LINE_ART, Likeness::shaded)),
                Callout.doesNotShow(
                        "What the soup without vehicles, above, shows as well: there the other"
                                + " shards have the same style, and the base knows vehicles, so"
                                + " little is lost that a judge could see."));
    }

    private Table.Cell[] change(String leaves, String stays) {
        return new Table.Cell[] {
            Table.Cell.text(leaves),
            Table.Cell.estimate(difference(stays, Likeness::lines), DIGITS),
            Table.Cell.estimate(difference(stays, Likeness::shaded), DIGITS)
        };
    }

    /** The soup without one shard, which is the other's ingredient, less the soup of both. */
    private Interval difference(String stays, Function<Likeness, ScoreSet> style) {
        return score(stays, style).minus(score(DemoStyles.BOTH, style), bootstrap);
    }

    private ScoreSet score(String model, Function<Likeness, ScoreSet> style) {
        return style.apply(Objects.requireNonNull(styles.likeness().get(model)));
    }

    private String sentence(String leaves, String stays, Function<Likeness, ScoreSet> style) {
        Interval own = difference(stays, style);
        String verdict =
                own.contains(0)
                        ? "not told apart: the interval includes 0"
                        : own.estimate() < 0 ? "gone" : "more of it than before";
        return "Without the %s, its own style: %s (%s)."
                .formatted(leaves, own.format(DIGITS).replace('-', '−'), verdict);
    }
}
