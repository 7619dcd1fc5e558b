package org.diffusionsoup.diffusion.schedule;

import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Zhao et al. 2023, "UniPC: a unified predictor-corrector framework": every prediction first
 * corrects the sample it was computed at (UniC), then predicts the next one (UniP). The B(h)
 * variants bh1 and bh2.
 */
final class UniPcMultistepScheduler extends LogSnrScheduler {
    private final int order;
    private final boolean predictsClean;
    private final boolean bh1;
    private final boolean lowerOrderFinal;
    private final List<Integer> uncorrected;
    private final History outputs;
    private final History lastSample = new History(1);
    private int lastOrder;

    UniPcMultistepScheduler(SchedulerConfig c, int steps) {
        super(c, levels(c, steps));
        JsonConfig o = c.json();
        o.only("solver_type", "bh1", "bh2");
        o.only("solver_p");
        order = o.integer("solver_order", 2);
        predictsClean = o.flag("predict_x0", true);
        bh1 = o.text("solver_type", "bh2").equals("bh1");
        lowerOrderFinal = o.flag("lower_order_final", true);
        uncorrected =
                o.has("disable_corrector") ? o.integers("disable_corrector", 0, 0) : List.of();
        outputs = new History(order);
        requireSound(predictsClean ? "" : "predict_x0");
    }

    @Override
    int orderAt(int index) {
        int highest = lowerOrderFinal ? Math.min(order, steps() - index) : order;
        return Math.min(highest, index + 1);
    }

    @Override
    boolean isSound(int index, int order) {
        boolean corrected = index < steps() - 1 && !uncorrected.contains(index);
        return step(index, order, false).isSound()
                && (!corrected || step(index, order, true).isSound());
    }

    @Override
    String lowered() {
        return "lower_order_final";
    }

    private static NoiseLevels levels(SchedulerConfig c, int steps) {
        NoiseTable table = finite(c);
        int n = table.size();
        double[] t = c.spacing("linspace").multistepTimesteps(n, n, steps, c.stepsOffset());
        return NoiseLevels.multistep(c, table, t, true);
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        Tensor output =
                predictsClean
                        ? cleanSample(prediction, sample, index)
                        : noise(prediction, sample, index);
        Tensor x = sample;
        if (lastSample.size() > 0 && !uncorrected.contains(index - 1)) {
            // From the step before, with the new output as one more node at its end.
            x = solve(lastSample.get(0), index - 1, lastOrder, output);
        }
        outputs.push(output);
        lastOrder = Math.min(outputs.size(), orderAt(index)); // fewer if begun in the middle
        lastSample.push(x);
        return solve(x, index, lastOrder, null);
    }

    /**
     * One step from index {@code from} to the next: the predictor, or the corrector where the
     * output at its end is known.
     */
    private Tensor solve(Tensor x, int from, int order, @Nullable Tensor end) {
        Step step = step(from, order, end != null);
        Tensor m0 = outputs.get(0);
        Tensor out = x.mul(step.keep).sub(m0.mul(step.first));
        for (int i = 1; i < order; i++) {
            Tensor slope = outputs.get(i).sub(m0).div(step.nodes[i - 1]);
            out = out.sub(slope.mul(step.weights[i - 1]));
        }
        return end == null ? out : out.sub(end.sub(m0).mul(step.weights[order - 1]));
    }

    /**
     * What a step multiplies with.
     *
     * @param keep the sample
     * @param first the latest output
     * @param nodes what differences of outputs are divided by
     * @param weights what they are multiplied with then
     */
    @SuppressWarnings("ArrayRecordComponent") // internal
    private record Step(double keep, double first, double[] nodes, double[] weights) {
        /** Whether they are numbers, and nothing is divided by 0. */
        boolean isSound() {
            return Double.isFinite(keep)
                    && Double.isFinite(first)
                    && Arrays.stream(nodes).allMatch(r -> Math.abs(r) > 0)
                    && Arrays.stream(weights).allMatch(Double::isFinite);
        }
    }

    private Step step(int from, int order, boolean correcting) {
        int to = from + 1;
        double h = lambda(to) - lambda(from);
        double hh = predictsClean ? -h : h;
        double grown = Math.expm1(hh);
        double b = bh1 ? hh : grown;
        double keep = predictsClean ? sigma(to) / sigma(from) : gamma(to) / gamma(from);
        double scale = predictsClean ? gamma(to) : sigma(to);
        if (order == 1 && !correcting) {
            return new Step(keep, scale * grown, new double[0], new double[0]);
        }
        double[] nodes = new double[order];
        for (int i = 1; i < order; i++) {
            nodes[i - 1] = (lambda(from - i) - lambda(from)) / h;
        }
        nodes[order - 1] = 1;
        double[] weights = weights(nodes, hh, b, correcting);
        for (int i = 0; i < weights.length; i++) {
            weights[i] *= scale * b;
        }
        return new Step(keep, scale * grown, nodes, weights);
    }

    /** Solves the order conditions R ρ = b (Eq. 9); the last node counts only when correcting. */
    private static double[] weights(double[] nodes, double hh, double b, boolean correcting) {
        int n = correcting ? nodes.length : nodes.length - 1;
        if (nodes.length == (correcting ? 1 : 2)) {
            return new double[] {0.5}; // the simplified form of the lowest order
        }
        double[][] system = new double[n][n + 1];
        double phi = Math.expm1(hh) / hh - 1;
        double factorial = 1;
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < n; k++) {
                system[i][k] = Math.pow(nodes[k], i);
            }
            system[i][n] = phi * factorial / b;
            factorial *= i + 2;
            phi = phi / hh - 1 / factorial;
        }
        return solved(system);
    }

    /** Gauss-Jordan elimination with row pivoting of a small system (n, n + 1). */
    private static double[] solved(double[][] a) {
        int n = a.length;
        for (int c = 0; c < n; c++) {
            int pivot = c;
            for (int r = c + 1; r < n; r++) {
                pivot = Math.abs(a[r][c]) > Math.abs(a[pivot][c]) ? r : pivot;
            }
            double[] row = a[pivot];
            a[pivot] = a[c];
            a[c] = row;
            for (int r = 0; r < n; r++) {
                double f = r == c ? 0 : a[r][c] / row[c];
                for (int k = c; k <= n; k++) {
                    a[r][k] -= f * row[k];
                }
            }
        }
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            out[i] = a[i][n] / a[i][i];
        }
        return out;
    }

    @Override
    public void close() {
        outputs.close();
        lastSample.close();
    }
}
