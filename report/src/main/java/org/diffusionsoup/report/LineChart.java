package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Curves over a common axis.
 *
 * @param title of the chart
 * @param caption below it; may be empty
 * @param xLabel with its unit
 * @param yLabel with its unit
 * @param logX whether the axis is logarithmic; values at or below 0 are then left out
 * @param logY likewise
 * @param series at least one, told apart by colour and, beyond eight, by dashes
 */
public record LineChart(
        String title,
        String caption,
        String xLabel,
        String yLabel,
        boolean logX,
        boolean logY,
        List<Series> series)
        implements Block {

    /**
     * A point, with an interval where {@code low} is below {@code high}.
     *
     * @param y may be NaN, which breaks the line
     */
    public record Point(double x, double y, double low, double high) {
        /** A point without an interval. */
        public Point(double x, double y) {
            this(x, y, y, y);
        }
    }

    /**
     * One curve.
     *
     * @param name in the legend
     * @param points in the order of x
     * @param behind unsmoothed points drawn faintly behind it; may be empty
     */
    public record Series(String name, List<Point> points, List<Point> behind) {
        public Series {
            points = List.copyOf(points);
            behind = List.copyOf(behind);
        }

        /**
         * @throws ReportException if the lengths differ
         */
        public static Series of(String name, double[] x, double[] y) {
            if (x.length != y.length) {
                throw new ReportException(
                        "Curve '%s' has %d x values and %d y values."
                                .formatted(name, x.length, y.length));
            }
            List<Point> points = new ArrayList<>(x.length);
            for (int i = 0; i < x.length; i++) {
                points.add(new Point(x[i], y[i]));
            }
            return new Series(name, points, List.of());
        }
    }

    public LineChart {
        series = List.copyOf(series);
    }

    /** A chart with linear axes. */
    public static LineChart of(String title, String xLabel, String yLabel, List<Series> series) {
        return new LineChart(title, "", xLabel, yLabel, false, false, series);
    }

    /** The same with a caption. */
    public LineChart captioned(String text) {
        return new LineChart(title, text, xLabel, yLabel, logX, logY, series);
    }

    /** The same with a logarithmic x axis. */
    public LineChart withLogX() {
        return new LineChart(title, caption, xLabel, yLabel, true, logY, series);
    }

    /** The same with a logarithmic y axis. */
    public LineChart withLogY() {
        return new LineChart(title, caption, xLabel, yLabel, logX, true, series);
    }
}
