package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.eval.Interval;

/** Horizontal bars or dots with error bars, as inline SVG. */
final class BarChartSvg {
    private static final int ROW = 30;
    private static final int TOP = 8;
    private static final int BOTTOM = 46;
    private static final int LONGEST_LABEL = 54;

    /** Of the axis' label: between two of its lines, and of a character at most, on average. */
    private static final int LINE = 16;

    private static final double CHARACTER = 6.8;

    private final Markup out;
    private final int width;

    BarChartSvg(Markup out, int width) {
        this.out = out;
        this.width = width;
    }

    void write(BarChart chart) {
        out.open("figure", "class", "chart").element("h3", chart.title());
        if (chart.bars().isEmpty()) {
            out.element("p", "There are no values to draw.", "class", "none");
        } else {
            svg(chart);
        }
        if (!chart.caption().isEmpty()) {
            out.open("figcaption").prose(chart.caption()).close();
        }
        out.close();
    }

    private void svg(BarChart chart) {
        int longest = chart.bars().stream().mapToInt(b -> shown(b.name()).length()).max().orElse(0);
        int values = chart.bars().stream().mapToInt(b -> label(b, chart).length()).max().orElse(0);
        double left = Math.clamp(longest * 7.7 + 16, 60, width * 0.48);
        double right = width - Math.clamp(values * 7.3 + 14, 40, 220);
        List<String> axisLabel = wrapped(chart.valueLabel(), (int) (right / CHARACTER));
        int more = LINE * (axisLabel.size() - 1);
        int height = TOP + ROW * chart.bars().size() + BOTTOM + more;
        Axis axis = axis(chart, (right - left) / 80);
        out.open("div", "class", "scroll");
        out.open(
                "svg",
                "viewBox",
                "0 0 " + width + " " + height,
                "role",
                "img",
                "aria-label",
                "%s: %s"
                        .formatted(
                                chart.title(),
                                String.join(
                                        "; ",
                                        chart.bars().stream()
                                                .map(b -> b.name() + " " + label(b, chart))
                                                .toList())));
        int bottom = height - BOTTOM - more;
        for (Axis.Tick tick : axis.ticks()) {
            double at = left + axis.position(tick.value()) * (right - left);
            line(tick.value() == 0 ? "axis" : "grid", at, TOP, at, bottom + 4);
            text("tick middle", tick.label(), at, bottom + 19);
        }
        for (int i = 0; i < axisLabel.size(); i++) {
            text("label end", axisLabel.get(i), right, height - 6 - more + LINE * i);
        }
        chart.reference()
                .ifPresent(value -> {
                    double at = left + axis.position(value) * (right - left);
                    line("reference", at, TOP - 4, at, bottom);
                });
        for (int i = 0; i < chart.bars().size(); i++) {
            row(chart, chart.bars().get(i), axis, left, right, TOP + ROW * i + ROW / 2.0);
        }
        out.close().close();
    }

    /** At spaces, into lines of at most so many characters; a longer word stays whole. */
    static List<String> wrapped(String text, int most) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ", -1)) {
            if (!line.isEmpty() && line.length() + 1 + word.length() > most) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    private void row(
            BarChart chart, BarChart.Bar bar, Axis axis, double left, double right, double y) {
        String colour = bar.emphasised() ? " accent" : "";
        Interval v = bar.value();
        double span = right - left;
        double at = left + axis.position(v.estimate()) * span;
        text("name end" + (bar.emphasised() ? " strong" : ""), shown(bar.name()), left - 10, y + 4);
        if (!chart.dots()) {
            double zero = left + axis.position(0) * span;
            out.empty(
                    "rect",
                    "class",
                    "bar" + colour,
                    "x",
                    Numbers.coordinate(Math.min(zero, at)),
                    "y",
                    Numbers.coordinate(y - 9),
                    "width",
                    Numbers.coordinate(Math.abs(at - zero)),
                    "height",
                    "18",
                    "rx",
                    "2");
        }
        if (v.high() > v.low()) {
            double low = left + axis.position(v.low()) * span;
            double high = left + axis.position(v.high()) * span;
            String style = (chart.dots() ? "whisker" : "whisker over") + colour;
            line(style, low, y, high, y);
            line(style, low, y - 4, low, y + 4);
            line(style, high, y - 4, high, y + 4);
        }
        if (chart.dots()) {
            out.empty(
                    "circle",
                    "class",
                    "dot" + colour,
                    "cx",
                    Numbers.coordinate(at),
                    "cy",
                    Numbers.coordinate(y),
                    "r",
                    "5");
        }
        text("value", label(bar, chart), right + 12, y + 4);
    }

    private static Axis axis(BarChart chart, double ticks) {
        List<Double> ends = new ArrayList<>();
        for (BarChart.Bar bar : chart.bars()) {
            ends.add(bar.value().low());
            ends.add(bar.value().high());
            ends.add(bar.value().estimate());
        }
        chart.reference().ifPresent(ends::add);
        if (!chart.dots()) {
            ends.add(0.0);
        }
        double min = ends.stream().mapToDouble(d -> d).min().orElse(0);
        double max = ends.stream().mapToDouble(d -> d).max().orElse(1);
        return Axis.linear(min, max, Math.max(2, (int) ticks));
    }

    private static String label(BarChart.Bar bar, BarChart chart) {
        Interval v = bar.value();
        String value = Numbers.fixed(v.estimate(), chart.digits());
        if (v.high() == v.low()) {
            return value;
        }
        return "%s [%s, %s]"
                .formatted(
                        value,
                        Numbers.fixed(v.low(), chart.digits()),
                        Numbers.fixed(v.high(), chart.digits()));
    }

    private static String shown(String name) {
        return name.length() <= LONGEST_LABEL ? name : name.substring(0, LONGEST_LABEL - 1) + "…";
    }

    private void text(String style, String text, double x, double y) {
        out.element(
                "text",
                text,
                "class",
                style,
                "x",
                Numbers.coordinate(x),
                "y",
                Numbers.coordinate(y));
    }

    private void line(String style, double x1, double y1, double x2, double y2) {
        out.empty(
                "line",
                "class",
                style,
                "x1",
                Numbers.coordinate(x1),
                "y1",
                Numbers.coordinate(y1),
                "x2",
                Numbers.coordinate(x2),
                "y2",
                Numbers.coordinate(y2));
    }
}
