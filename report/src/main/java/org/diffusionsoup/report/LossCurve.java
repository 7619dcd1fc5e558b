package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a training run logged, step by step. One file of the training holds it.
 *
 * @param points with strictly rising steps
 */
public record LossCurve(List<Point> points) {

    /**
     * One logged step.
     *
     * @param step optimiser steps done, at least 0
     * @param loss of that step's batch; may be NaN or infinite, because a diverged run must be seen
     * @param learningRate in force at that step
     * @param imagesPerSecond since the point before, or 0 if unknown
     */
    public record Point(long step, double loss, double learningRate, double imagesPerSecond) {}

    /**
     * @throws ReportException if the steps do not rise
     */
    public LossCurve {
        points = List.copyOf(points);
        for (int i = 0; i < points.size(); i++) {
            long before = i == 0 ? -1 : points.get(i - 1).step();
            if (points.get(i).step() <= before) {
                throw new ReportException(
                        "A loss curve's steps must rise from 0, but step %d follows %d."
                                .formatted(points.get(i).step(), before));
            }
        }
    }

    /**
     * Exponential moving average of the loss, corrected for its start; points that are not finite
     * are skipped.
     *
     * @param halfLife after how many points a value counts half, above 0
     */
    public List<LineChart.Point> smoothed(double halfLife) {
        double keep = Math.pow(0.5, 1 / halfLife);
        double sum = 0;
        double weight = 0;
        List<LineChart.Point> smooth = new ArrayList<>(points.size());
        for (Point p : points) {
            if (Double.isFinite(p.loss())) {
                sum = keep * sum + (1 - keep) * p.loss();
                weight = keep * weight + (1 - keep);
                smooth.add(new LineChart.Point(p.step(), sum / weight));
            }
        }
        return smooth;
    }

    /** Smoothed over a fortieth of the run, with the logged values faint behind it. */
    public LineChart.Series series(String name) {
        List<LineChart.Point> raw = new ArrayList<>(points.size());
        for (Point p : points) {
            raw.add(new LineChart.Point(p.step(), p.loss()));
        }
        return new LineChart.Series(name, smoothed(Math.max(1, points.size() / 40.0)), raw);
    }

    /**
     * The loss that a whole run is known by, everywhere: the mean of the last tenth of the finite
     * losses, at least one of them; NaN if there is none. A single step's loss is that of one batch
     * at the timesteps drawn for it, and says little.
     */
    public double finalLoss() {
        double[] finite =
                points.stream().mapToDouble(Point::loss).filter(Double::isFinite).toArray();
        int count = tail(finite.length);
        double sum = 0;
        for (int i = finite.length - count; i < finite.length; i++) {
            sum += i < 0 ? Double.NaN : finite[i];
        }
        return sum / count;
    }

    /** Over how many steps {@link #finalLoss} is the mean, at least 1. */
    public int finalSteps() {
        return tail((int) points.stream().filter(p -> Double.isFinite(p.loss())).count());
    }

    private static int tail(int finite) {
        return Math.max(1, finite / 10);
    }

    /** Several runs in one chart, in the map's order. */
    public static LineChart chart(String title, Map<String, LossCurve> curves) {
        return LineChart.of(
                        title,
                        "optimiser step",
                        "loss",
                        curves.entrySet().stream()
                                .map(e -> e.getValue().series(e.getKey()))
                                .toList())
                .captioned(
                        "Lines: moving average over about a fortieth of the run. Faint: the logged"
                                + " values, cut off where the highest and lowest hundredth would stretch"
                                + " the axis.");
    }
}
