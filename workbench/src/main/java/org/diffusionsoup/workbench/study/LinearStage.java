package org.diffusionsoup.workbench.study;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Statistics;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.jspecify.annotations.Nullable;

/** Eq. 4 and 5 on the ingredients of one stage. */
final class LinearStage {
    private final NoisedRows inputs;
    private final WeightsAround weights;
    private final LinearMeasure measure;
    private final double[][] base;
    private final float[][] baseAsPredicted;
    private final double[] scales;
    private final Progress progress;

    /** Mean squares per row and timestep, by scale, and those of Eq. 4 over all ingredients. */
    private record Squares(
            double[][][] gaps, double[][][] effects, double[][] remainder, double[][] moved) {}

    /**
     * @param base what the base predicts
     * @param scales every Δw_i is multiplied by each of these in turn; ascending, up to 1
     */
    LinearStage(
            NoisedRows inputs,
            WeightsAround weights,
            float[][] base,
            double[] scales,
            Progress progress) {
        this.inputs = inputs;
        this.weights = weights;
        this.measure = new LinearMeasure(inputs.rows(), inputs.values(), inputs.factors());
        this.scales = scales.clone();
        this.baseAsPredicted = base;
        this.base = LinearMeasure.rowsOf(base);
        this.progress = progress;
    }

    /** Passes over all rows that a stage takes. */
    static long passes(int ingredients, int scales) {
        return (long) scales * (ingredients + 1) + ingredients;
    }

    LinearResults.Stage run(TuningStage stage, int[] timesteps, double[] sigmas) {
        weights.take(stage.models());
        Squares squares = squares();
        double[] distances = new double[weights.ingredients()];
        for (int i = 0; i < distances.length; i++) {
            distances[i] = weights.distance(i);
        }
        double distance = Statistics.rootMeanSquare(distances);
        int last = scales.length - 1;
        double[][] gap = squares.gaps()[last];
        double[][] effect = squares.effects()[last];
        List<LinearResults.AtTimestep> byTimestep = new ArrayList<>();
        for (int t = 0; t < timesteps.length; t++) {
            byTimestep.add(
                    new LinearResults.AtTimestep(
                            timesteps[t], sigmas[t], gap(gap, effect, squares, t)));
        }
        List<LinearResults.AtScale> byScale = byScale(squares, distance);
        return new LinearResults.Stage(
                stage.name(),
                ModelNames.of(stage.models()),
                Arrays.stream(distances).boxed().toList(),
                distance,
                gap(gap, effect, squares, measure.everywhere()),
                byTimestep,
                byScale,
                exponent(squares, 0, scales.length),
                crossing(byScale, LinearStudy.THRESHOLD));
    }

    private LinearResults.Gap gap(
            double[][] gap, double[][] effect, Squares all, int... timesteps) {
        return new LinearResults.Gap(
                measure.ratio(gap, effect, timesteps),
                measure.size(gap, timesteps),
                measure.size(effect, timesteps),
                measure.ratio(all.remainder(), all.moved(), timesteps));
    }

    private Interval exponent(Squares squares, int from, int to) {
        return measure.exponent(
                Arrays.copyOfRange(scales, from, to), Arrays.copyOfRange(squares.gaps(), from, to));
    }

    private List<LinearResults.AtScale> byScale(Squares squares, double distance) {
        List<LinearResults.AtScale> all = new ArrayList<>();
        int[] everywhere = measure.everywhere();
        for (int s = 0; s < scales.length; s++) {
            all.add(
                    new LinearResults.AtScale(
                            scales[s],
                            scales[s] * distance,
                            measure.ratio(squares.gaps()[s], squares.effects()[s], everywhere),
                            measure.size(squares.gaps()[s], everywhere),
                            s == 0 ? null : exponent(squares, s - 1, s + 1)));
        }
        return all;
    }

    private Squares squares() {
        int n = weights.ingredients();
        double[][][] gaps = new double[scales.length][][];
        double[][][] effects = new double[scales.length][][];
        double[][][] slopes = new double[n][][];
        double[][] remainder = new double[inputs.rows()][inputs.factors().length];
        double[][] moved = new double[inputs.rows()][inputs.factors().length];
        for (int s = 0; s < scales.length; s++) {
            double[][] ensemble = zeros();
            for (int i = 0; i < n; i++) {
                float[][] one = predict(i, scales[s]);
                LinearMeasure.add(ensemble, 1.0 / n, one);
                if (s == 0) {
                    slopes[i] = slope(i, one);
                }
                if (scales[s] == 1) {
                    double[][] linear = LinearMeasure.rowsOf(baseAsPredicted);
                    LinearMeasure.add(linear, slopes[i]);
                    double[][] exact = LinearMeasure.rowsOf(one);
                    LinearMeasure.add(remainder, measure.squares(exact, linear));
                    LinearMeasure.add(moved, measure.squares(exact, base));
                }
            }
            double[][] soup = LinearMeasure.rowsOf(inputs.predict(weights.soup(scales[s])));
            progress.advance(1);
            gaps[s] = measure.squares(soup, ensemble);
            effects[s] = measure.squares(ensemble, base);
        }
        return new Squares(gaps, effects, remainder, moved);
    }

    /** ∇ε Δw_i by the central difference over the smallest scale. */
    private double[][] slope(int ingredient, float[][] forward) {
        double step = scales[0];
        double[][] slope = zeros();
        LinearMeasure.add(slope, 1 / (2 * step), forward);
        LinearMeasure.add(slope, -1 / (2 * step), predict(ingredient, -step));
        return slope;
    }

    private float[][] predict(int ingredient, double scale) {
        float[][] prediction = inputs.predict(weights.ingredient(ingredient, scale));
        progress.advance(1);
        return prediction;
    }

    private double[][] zeros() {
        return new double[base.length][base[0].length];
    }

    /** |Δw| where the relative gap passes a threshold, along the line between two scales' logs. */
    static @Nullable Double crossing(List<LinearResults.AtScale> byScale, double threshold) {
        for (int s = 0; s < byScale.size(); s++) {
            double above = byScale.get(s).relative().estimate();
            if (!(above > threshold)) {
                continue;
            }
            if (s == 0) {
                return null; // it lies before the smallest scale
            }
            double below = byScale.get(s - 1).relative().estimate();
            double share = Math.log(threshold / below) / Math.log(above / below);
            double from = Math.log(byScale.get(s - 1).distance());
            double to = Math.log(byScale.get(s).distance());
            return Math.exp(from + share * (to - from));
        }
        return null;
    }
}
