package org.diffusionsoup.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.diffusionsoup.core.SoupVersion;

/** Turns a report into a page; the only place that knows the page's structure. */
final class PageWriter {
    private static final int WIDE = 720;
    private static final int NARROW = 520;

    private final Markup out = new Markup();
    private int charts;
    private int chartWidth = WIDE;

    /** Columns of pictures beside which there is room for long names. */
    private static final int FEW = 3;

    String page(HtmlReport report) {
        out.open("html", "lang", "en").newline();
        out.open("head");
        out.empty("meta", "charset", "utf-8");
        out.empty("meta", "name", "generator", "content", SoupVersion.PROGRAM);
        out.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        out.empty("meta", "name", "color-scheme", "content", "light dark");
        out.element("title", report.title());
        out.open("style").trusted(resource("report.css")).close();
        out.close().newline();
        out.open("body");
        out.element("a", "Skip to the content", "class", "skip", "href", "#content");
        header(report);
        contents(report);
        out.open("main", "id", "content");
        if (!report.lead().isEmpty()) {
            out.open("section", "class", "lead");
            report.lead().forEach(this::block);
            out.close();
        }
        int number = 0;
        for (Section section : report.sections()) {
            number++;
            out.newline().open("section", "id", "s" + number);
            out.open("h2").element("span", Integer.toString(number), "class", "number");
            out.text(" " + section.title()).close();
            section.blocks().forEach(this::block);
            out.close();
        }
        out.close().newline();
        out.open("footer").open("p").prose(report.footer()).close().close();
        out.open("dialog", "id", "zoom", "aria-label", "Enlarged picture");
        out.empty("img", "alt", "", "src", "data:,");
        out.element("p", "").close();
        out.open("script").trusted(resource("report.js")).close();
        out.close().close();
        return "<!DOCTYPE html>\n" + out.finish() + "\n";
    }

    private void header(HtmlReport report) {
        out.open("header").open("div", "class", "masthead");
        logo();
        out.open("div");
        out.element("h1", report.title());
        if (!report.subtitle().isEmpty()) {
            out.open("p", "class", "subtitle").prose(report.subtitle()).close();
        }
        out.close().close();
        if (!report.facts().isEmpty()) {
            out.open("dl", "class", "facts");
            for (HtmlReport.Fact fact : report.facts()) {
                out.open("div");
                out.open("dt").names(fact.label()).close();
                out.element("dd", fact.value());
                if (!fact.note().isEmpty()) {
                    out.element("dd", fact.note(), "class", "note");
                }
                out.close();
            }
            out.close();
        }
        out.close().newline();
    }

    /** A bowl under three wisps of steam. */
    private void logo() {
        out.open("svg", "class", "logo", "viewBox", "0 0 48 48", "aria-hidden", "true");
        for (String x : List.of("16", "24", "32")) {
            out.empty("path", "class", "steam", "d", "M" + x + " 6q-3 3 0 6t0 6");
        }
        out.empty("path", "class", "bowl", "d", "M5 23h38c0 10-7 17-14 17h-10c-7 0-14-7-14-17z");
        out.empty("path", "class", "foot", "d", "M17 43h14");
        out.close();
    }

    private void contents(HtmlReport report) {
        if (report.sections().size() < 2) {
            return;
        }
        out.open("nav", "aria-label", "Contents").open("ol");
        for (int i = 0; i < report.sections().size(); i++) {
            out.open("li");
            out.element("a", report.sections().get(i).title(), "href", "#s" + (i + 1));
            out.close();
        }
        out.close().close().newline();
    }

    private void block(Block block) {
        out.newline();
        switch (block) {
            case Block.Prose prose -> out.open("p").prose(prose.text()).close();
            case Block.Bullets bullets -> bullets(bullets.items());
            case Block.Code code -> out.open("pre").element("code", code.text()).close();
            case Block.Columns columns -> {
                out.open("div", "class", "columns");
                chartWidth = columns.blocks().size() > 1 ? NARROW : WIDE;
                columns.blocks().forEach(this::block);
                chartWidth = WIDE;
                out.close();
            }
            case Block.Details details -> {
                out.open("details").element("summary", details.summary());
                details.blocks().forEach(this::block);
                out.close();
            }
            case Block.Drawing drawing -> {
                out.open("figure", "class", "drawing").drawn(drawing.svg());
                out.open("figcaption").prose(drawing.caption()).close().close();
            }
            case Callout callout -> callout(callout);
            case Table table -> new TableHtml(out).write(table);
            case ImageGrid grid -> images(grid);
            case LineChart chart -> new LineChartSvg(out, ++charts, chartWidth).write(chart);
            case BarChart chart -> new BarChartSvg(out, chartWidth).write(chart);
        }
    }

    private void bullets(List<String> items) {
        out.open("ul");
        items.forEach(item -> out.open("li").prose(item).close());
        out.close();
    }

    private void callout(Callout callout) {
        String style =
                switch (callout.kind()) {
                    case SHOWS -> "shows";
                    case DOES_NOT_SHOW -> "hides";
                    case NOTE -> "remark";
                    case WARNING -> "warning";
                };
        out.open("aside", "class", "callout " + style);
        out.element("h3", callout.title());
        if (callout.points().size() == 1) {
            out.open("p").prose(callout.points().getFirst()).close();
        } else {
            bullets(callout.points());
        }
        out.close();
    }

    private void images(ImageGrid grid) {
        boolean few = grid.columns().size() <= FEW;
        out.open("figure", "class", few ? "pictures few" : "pictures");
        out.open("div", "class", "scroll", "tabindex", "0", "role", "region");
        out.open("table").open("thead").open("tr").empty("td");
        for (String column : grid.columns()) {
            out.open("th", "scope", "col");
            out.element("span", column, "style", "min-width:" + grid.pixels() + "px").close();
        }
        out.close().close().open("tbody");
        for (ImageGrid.Row row : grid.rows()) {
            out.newline().open("tr").open("th", "scope", "row").element("span", row.label());
            if (!row.note().isEmpty()) {
                out.element("small", row.note());
            }
            out.close();
            for (int c = 0; c < grid.columns().size(); c++) {
                out.open("td");
                image(row.pngs().get(c), row.label() + ": " + grid.columns().get(c), grid.pixels());
                out.close();
            }
            out.close();
        }
        out.close().close().close();
        out.open("figcaption").prose(grid.caption()).close().close();
    }

    private void image(byte[] png, String alt, int pixels) {
        if (png.length == 0) {
            return;
        }
        ByteBuffer header = ByteBuffer.wrap(png);
        int width = header.getInt(16);
        int height = Math.max(1, (int) Math.round((double) header.getInt(20) * pixels / width));
        boolean whole = pixels % width == 0;
        out.empty(
                "img",
                "class",
                whole ? "whole" : "smooth",
                "src",
                "data:image/png;base64," + Base64.getEncoder().encodeToString(png),
                "width",
                Integer.toString(pixels),
                "height",
                Integer.toString(height),
                "alt",
                alt);
    }

    private static String resource(String name) {
        try (InputStream in = PageWriter.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new ReportException("The program's own file %s is missing.".formatted(name));
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new ReportException(
                    "The program's own file %s cannot be read.".formatted(name), e);
        }
    }
}
