package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Liu, Ren, Lin and Zhao 2022, "Pseudo numerical methods for diffusion models on manifolds": linear
 * multistep of order 4 (Eq. 12), started either by three pseudo Runge-Kutta steps (Eq. 13, four
 * predictions each) or, as Stable Diffusion does, by steps of lower order.
 */
final class PndmScheduler extends Scheduler {
    private static final int ORDER = 4;

    private final NoiseTable table;
    private final int stride;
    private final double finalProduct;
    private final int rungeKuttaCalls;

    /** Noise predictions of the multistep formula. */
    private final History predictions = new History(ORDER);

    /** The weighted sum of predictions within one Runge-Kutta step. */
    private final History sum = new History(1);

    /** The sample at the start of a step that takes several predictions. */
    private final History start = new History(1);

    PndmScheduler(SchedulerConfig c, int steps) {
        super(c, schedule(c, steps));
        this.table = c.table();
        this.stride = table.size() / steps;
        this.finalProduct = c.json().flag("set_alpha_to_one", false) ? 1.0 : table.alphaCumprod(0);
        this.rungeKuttaCalls = skipsRungeKutta(c) ? 0 : 3 * ORDER;
        if (c.predictionType() == PredictionType.SAMPLE) {
            throw new ScheduleException(
                    "PNDMScheduler takes a model that predicts epsilon or v_prediction; use"
                            + " DDIMScheduler for one that predicts sample");
        }
    }

    private static boolean skipsRungeKutta(SchedulerConfig c) {
        return c.json().flag("skip_prk_steps", false);
    }

    private static double[] schedule(SchedulerConfig c, int steps) {
        int trained = c.table().size();
        double[] t = c.spacing("leading").timesteps(trained, steps, c.stepsOffset(), true);
        if (skipsRungeKutta(c)) {
            if (t.length == 1) {
                return t;
            }
            // The second timestep is visited twice: once to average the first prediction.
            double[] out = new double[t.length + 1];
            out[0] = t[0];
            for (int i = 1; i < out.length; i++) {
                out[i] = t[Math.max(1, i - 1)];
            }
            return out;
        }
        if (t.length < ORDER) {
            throw new ScheduleException(
                    "PNDMScheduler with Runge-Kutta steps needs "
                            + ORDER
                            + " or more steps, not "
                            + steps);
        }
        // Each of the first three steps calls at its start, twice half way, and at its end.
        int half = trained / steps / 2;
        double[] out = new double[3 * ORDER + t.length - 3];
        for (int i = 0; i < 3; i++) {
            out[4 * i] = t[i];
            out[4 * i + 1] = t[i + 1] + half;
            out[4 * i + 2] = t[i + 1] + half;
            out[4 * i + 3] = t[i + 1];
        }
        System.arraycopy(t, 3, out, 3 * ORDER, t.length - 3);
        return out;
    }

    /** The second timestep stands twice in the list, for the sake of a run from the start. */
    @Override
    int indexAfter(int steps) {
        if (rungeKuttaCalls > 0) {
            throw new ScheduleException(
                    "PNDMScheduler with Runge-Kutta steps cannot leave out steps; use one with"
                            + " skip_prk_steps");
        }
        return steps + 1;
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        return index < rungeKuttaCalls
                ? rungeKutta(prediction, index, sample)
                : multistep(prediction, index, sample);
    }

    private Tensor rungeKutta(Tensor prediction, int index, Tensor sample) {
        int t = (int) timestep(index / 4 * 4);
        int s = (int) timestep(index) - (index % 2 == 1 ? 0 : stride / 2);
        Tensor direction = prediction;
        switch (index % 4) {
            case 0 -> {
                sum.push(prediction.mul(1 / 6.0));
                predictions.push(prediction);
                start.push(sample);
            }
            case 1, 2 -> sum.push(sum.get(0).add(prediction.mul(1 / 3.0)));
            default -> direction = sum.get(0).add(prediction.mul(1 / 6.0));
        }
        return transfer(start.get(0), t, s, direction);
    }

    private Tensor multistep(Tensor prediction, int index, Tensor sample) {
        int t = (int) timestep(index);
        int s = t - stride;
        if (index == 1) {
            // Second visit: repeat the first step with the mean of the two predictions.
            Tensor mean = prediction.add(predictions.get(0)).div(2);
            return transfer(start.get(0), t + stride, t, mean);
        }
        predictions.push(prediction);
        if (index == 0) {
            start.push(sample);
        }
        return transfer(sample, t, s, extrapolated());
    }

    /** Adams-Bashforth of the highest order that the remembered predictions allow. */
    private Tensor extrapolated() {
        Tensor e0 = predictions.get(0);
        return switch (predictions.size()) {
            case 1 -> e0;
            case 2 -> e0.mul(3).sub(predictions.get(1)).div(2);
            case 3 ->
                    e0.mul(23)
                            .sub(predictions.get(1).mul(16))
                            .add(predictions.get(2).mul(5))
                            .div(12);
            default ->
                    e0.mul(55)
                            .sub(predictions.get(1).mul(59))
                            .add(predictions.get(2).mul(37))
                            .sub(predictions.get(3).mul(9))
                            .div(24);
        };
    }

    /** Eq. 9: from timestep t to s along a prediction. */
    private Tensor transfer(Tensor x, int t, int s, Tensor prediction) {
        double product = table.alphaCumprod(t);
        double next = s >= 0 ? table.alphaCumprod(s) : finalProduct;
        double rest = 1 - product;
        Tensor eps =
                config.predictionType().noise(prediction, x, Math.sqrt(product), Math.sqrt(rest));
        double denominator = product * Math.sqrt(1 - next) + Math.sqrt(product * rest * next);
        return x.mul(Math.sqrt(next / product)).sub(eps.mul((next - product) / denominator));
    }

    @Override
    public void close() {
        predictions.close();
        sum.close();
        start.close();
    }
}
