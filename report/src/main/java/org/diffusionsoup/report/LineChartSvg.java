package org.diffusionsoup.report;

import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** A line chart as inline SVG, coloured by the page's stylesheet. */
final class LineChartSvg {
    private static final int HEIGHT = 320;
    private static final int LEFT = 58;
    private static final int RIGHT = 18;
    private static final int TOP = 30;
    private static final int BOTTOM = 46;
    private static final double SIDE_BY_SIDE = 3;

    /** Between the outermost interval and the end of the axis. */
    private static final double ROOM = 3;

    private final Markup out;
    private final String clip;
    private final int width;

    /**
     * @param number of the chart on its page
     * @param width in user units; a narrow chart is not drawn smaller, so that its text stays large
     */
    LineChartSvg(Markup out, int number, int width) {
        this.out = out;
        this.clip = "plot" + number;
        this.width = width;
    }

    void write(LineChart chart) {
        out.open("figure", "class", "chart").element("h3", chart.title());
        legend(chart);
        double[] xs = values(chart, true, chart.logX());
        double[] ys = values(chart, false, chart.logY());
        if (xs.length == 0 || ys.length == 0) {
            out.element("p", "There are no points to draw.", "class", "none");
        } else {
            Axis x =
                    chart.logX()
                            ? Axis.logarithmic(xs[0], xs[xs.length - 1])
                                    .markedAt(Arrays.stream(xs).distinct().toArray())
                            : Axis.tight(xs[0], xs[xs.length - 1], width / 100);
            Axis y =
                    chart.logY()
                            ? Axis.roundedLogarithmic(ys[0], ys[ys.length - 1])
                            : Axis.linear(ys[0], ys[ys.length - 1], 5);
            svg(chart, x.padded(aside(chart) / (width - RIGHT - LEFT)), y);
        }
        if (!chart.caption().isEmpty()) {
            out.open("figcaption").prose(chart.caption()).close();
        }
        out.close();
    }

    /** Room that intervals take beside the first and last points; 0 where there are none. */
    private static double aside(LineChart chart) {
        boolean intervals =
                chart.series().stream()
                        .flatMap(s -> s.points().stream())
                        .anyMatch(p -> p.low() < p.high());
        return intervals ? SIDE_BY_SIDE * (chart.series().size() - 1) / 2 + ROOM : 0;
    }

    /**
     * Sorted values that the axis must show: all of the curves, and of the faint points behind them
     * the middle 98 %, so that one spike does not flatten everything.
     */
    private static double[] values(LineChart chart, boolean x, boolean log) {
        Stream<LineChart.Point> curves = chart.series().stream().flatMap(s -> s.points().stream());
        DoubleStream ends =
                x
                        ? curves.mapToDouble(LineChart.Point::x)
                        : curves.flatMapToDouble(p -> DoubleStream.of(p.low(), p.y(), p.high()));
        double[] behind =
                chart.series().stream()
                        .flatMap(s -> s.behind().stream())
                        .mapToDouble(x ? LineChart.Point::x : LineChart.Point::y)
                        .filter(v -> Double.isFinite(v) && (!log || v > 0))
                        .sorted()
                        .toArray();
        int cut = x ? 0 : behind.length / 100;
        return DoubleStream.concat(
                        ends.filter(v -> Double.isFinite(v) && (!log || v > 0)),
                        Arrays.stream(behind, cut, behind.length - cut))
                .sorted()
                .toArray();
    }

    private void legend(LineChart chart) {
        out.open("ul", "class", "legend");
        for (int i = 0; i < chart.series().size(); i++) {
            LineChart.Series series = chart.series().get(i);
            out.open("li", "class", colour(i)).element("span", "", "class", "swatch");
            out.text(series.name());
            // a smoothed curve's last point is no measurement
            List<LineChart.Point> points = series.behind().isEmpty() ? series.points() : List.of();
            points.reversed().stream()
                    .filter(p -> Double.isFinite(p.y()))
                    .findFirst()
                    .ifPresent(p -> out.element("small", " ends at " + Numbers.significant(p.y())));
            out.close();
        }
        out.close();
    }

    private void svg(LineChart chart, Axis x, Axis y) {
        out.open("div", "class", "scroll");
        out.open(
                "svg",
                "viewBox",
                "0 0 " + width + " " + HEIGHT,
                "role",
                "img",
                "aria-label",
                "%s: %s over %s for %s"
                        .formatted(
                                chart.title(),
                                chart.yLabel(),
                                chart.xLabel(),
                                String.join(
                                        ", ",
                                        chart.series().stream()
                                                .map(LineChart.Series::name)
                                                .toList())));
        int right = width - RIGHT;
        int bottom = HEIGHT - BOTTOM;
        out.open("clipPath", "id", clip);
        rectangle(LEFT, TOP - 2, right - LEFT + 2, bottom - TOP + 4);
        out.close();
        for (Axis.Tick tick : y.ticks()) {
            String at = Numbers.coordinate(bottom - y.position(tick.value()) * (bottom - TOP));
            line("grid", Integer.toString(LEFT), at, Integer.toString(right), at);
            out.element(
                    "text",
                    tick.label(),
                    "class",
                    "tick end",
                    "x",
                    Integer.toString(LEFT - 8),
                    "y",
                    at,
                    "dy",
                    "0.32em");
        }
        for (Axis.Tick tick : x.ticks()) {
            String at = Numbers.coordinate(LEFT + x.position(tick.value()) * (right - LEFT));
            line("mark", at, Integer.toString(bottom), at, Integer.toString(bottom + 5));
            out.element(
                    "text",
                    tick.label(),
                    "class",
                    "tick middle",
                    "x",
                    at,
                    "y",
                    Integer.toString(bottom + 19));
        }
        line(
                "axis",
                Integer.toString(LEFT),
                Integer.toString(bottom),
                Integer.toString(right),
                Integer.toString(bottom));
        out.element(
                "text", label(chart.yLabel(), chart.logY()), "class", "label", "x", "4", "y", "14");
        out.element(
                "text",
                label(chart.xLabel(), chart.logX()),
                "class",
                "label end",
                "x",
                Integer.toString(right),
                "y",
                Integer.toString(HEIGHT - 6));
        out.open("g", "clip-path", "url(#" + clip + ")");
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < chart.series().size(); i++) {
                LineChart.Series series = chart.series().get(i);
                List<LineChart.Point> points = pass == 0 ? series.behind() : series.points();
                String path = path(points, x, y, width);
                if (pass == 1) {
                    double aside = SIDE_BY_SIDE * (i - (chart.series().size() - 1) / 2.0);
                    intervals(series.points(), colour(i), aside, x, y);
                }
                if (!path.isEmpty()) {
                    String kind = pass == 0 ? "behind " : "curve ";
                    out.empty("path", "class", kind + colour(i), "d", path);
                }
            }
        }
        out.close().close().close();
    }

    /**
     * @param aside how far to the right of its point an interval stands, so that those of several
     *     curves are told apart
     */
    private void intervals(
            List<LineChart.Point> points, String colour, double aside, Axis x, Axis y) {
        int plotWidth = width - RIGHT - LEFT;
        int plotHeight = HEIGHT - BOTTOM - TOP;
        for (LineChart.Point p : points) {
            if (!isDrawable(p, x, y) || !(p.low() < p.high()) || y.log() && p.low() <= 0) {
                continue;
            }
            String at = Numbers.coordinate(LEFT + x.position(p.x()) * plotWidth + aside);
            String low = Numbers.coordinate(TOP + (1 - y.position(p.low())) * plotHeight);
            String high = Numbers.coordinate(TOP + (1 - y.position(p.high())) * plotHeight);
            line("error " + colour, at, low, at, high);
        }
    }

    private static String colour(int series) {
        return "s" + (series % 8 + 1) + (series >= 8 ? " dashed" : "");
    }

    /**
     * An SVG path. Where several points fall on one pixel column only its first, lowest, highest
     * and last are drawn, which looks the same and keeps the file small.
     */
    static String path(List<LineChart.Point> points, Axis x, Axis y, int width) {
        StringBuilder path = new StringBuilder();
        boolean pen = false;
        int plotWidth = width - RIGHT - LEFT;
        int plotHeight = HEIGHT - BOTTOM - TOP;
        int i = 0;
        while (i < points.size()) {
            if (!isDrawable(points.get(i), x, y)) {
                pen = false;
                i++;
                continue;
            }
            long column = Math.round(x.position(points.get(i).x()) * plotWidth);
            int lowest = i;
            int highest = i;
            int end = i;
            while (end < points.size()
                    && isDrawable(points.get(end), x, y)
                    && Math.round(x.position(points.get(end).x()) * plotWidth) == column) {
                lowest = points.get(end).y() < points.get(lowest).y() ? end : lowest;
                highest = points.get(end).y() > points.get(highest).y() ? end : highest;
                end++;
            }
            int[] chosen = {i, Math.min(lowest, highest), Math.max(lowest, highest), end - 1};
            int previous = -1;
            for (int index : chosen) {
                if (index == previous) {
                    continue;
                }
                previous = index;
                LineChart.Point p = points.get(index);
                path.append(pen ? 'L' : 'M')
                        .append(Numbers.coordinate(LEFT + x.position(p.x()) * plotWidth))
                        .append(' ')
                        .append(Numbers.coordinate(TOP + (1 - y.position(p.y())) * plotHeight));
                pen = true;
            }
            i = end;
        }
        return path.toString();
    }

    private static boolean isDrawable(LineChart.Point p, Axis x, Axis y) {
        return Double.isFinite(p.x())
                && Double.isFinite(p.y())
                && (!x.log() || p.x() > 0)
                && (!y.log() || p.y() > 0);
    }

    private void rectangle(int x, int y, int width, int height) {
        out.empty(
                "rect",
                "x",
                Integer.toString(x),
                "y",
                Integer.toString(y),
                "width",
                Integer.toString(width),
                "height",
                Integer.toString(height));
    }

    private void line(String style, String x1, String y1, String x2, String y2) {
        out.empty("line", "class", style, "x1", x1, "y1", y1, "x2", x2, "y2", y2);
    }

    /** An axis' label; that it is logarithmic cannot be told from few ticks. */
    private static String label(String text, boolean log) {
        return log ? text + ", logarithmic" : text;
    }
}
