package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreTable;

/**
 * Horizontal bars, or dots, with error bars.
 *
 * <p>Bars always begin at 0, because their length is read; use dots where the differences are small
 * beside the values.
 *
 * @param title of the chart
 * @param caption below it; may be empty
 * @param valueLabel of the axis, with its unit
 * @param digits after the point, in the values written beside the bars
 * @param dots whether dots are drawn instead of bars
 * @param reference a value marked by a dashed line, such as the base's
 * @param bars from top to bottom
 */
public record BarChart(
        String title,
        String caption,
        String valueLabel,
        int digits,
        boolean dots,
        OptionalDouble reference,
        List<Bar> bars)
        implements Block {

    /**
     * @param name the label
     * @param value with its interval; equal ends draw no error bar
     * @param emphasised drawn in the accent colour
     */
    public record Bar(String name, Interval value, boolean emphasised) {

        /** A value without an interval. */
        public static Bar exact(String name, double value) {
            return new Bar(name, new Interval(value, value, value, 0.95), false);
        }
    }

    public BarChart {
        bars = List.copyOf(bars);
    }

    /** Bars from 0. */
    public static BarChart bars(String title, String valueLabel, int digits, List<Bar> bars) {
        return new BarChart(title, "", valueLabel, digits, false, OptionalDouble.empty(), bars);
    }

    /** Dots on an axis that need not contain 0. */
    public static BarChart dots(String title, String valueLabel, int digits, List<Bar> bars) {
        return new BarChart(title, "", valueLabel, digits, true, OptionalDouble.empty(), bars);
    }

    /**
     * A dot per model, with the baseline's mean as reference.
     *
     * @param emphasised names drawn in the accent colour
     */
    public static BarChart of(
            String title, ScoreTable scores, int digits, List<String> emphasised) {
        List<Bar> bars = new ArrayList<>();
        OptionalDouble reference = OptionalDouble.empty();
        for (ScoreTable.Row row : scores.rows()) {
            String model = row.score().model();
            bars.add(new Bar(model, row.score().mean(), emphasised.contains(model)));
            if (model.equals(scores.baseline())) {
                reference = OptionalDouble.of(row.score().mean().estimate());
            }
        }
        return new BarChart(
                title,
                "Dashed: %s.".formatted(scores.baseline()),
                scores.judge().name() + ", " + scores.judge().convention(),
                digits,
                true,
                reference,
                bars);
    }

    /** The same with a caption. */
    public BarChart captioned(String text) {
        return new BarChart(title, text, valueLabel, digits, dots, reference, bars);
    }

    /** The same with a dashed reference line. */
    public BarChart withReference(double value) {
        return new BarChart(
                title, caption, valueLabel, digits, dots, OptionalDouble.of(value), bars);
    }
}
