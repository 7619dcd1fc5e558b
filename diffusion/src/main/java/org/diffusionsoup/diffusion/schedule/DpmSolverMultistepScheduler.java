package org.diffusionsoup.diffusion.schedule;

import java.util.Locale;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Lu et al. 2022, "DPM-Solver" and "DPM-Solver++": multistep solvers of order 1 to 3 that
 * extrapolate the predicted clean sample (dpmsolver++) or the predicted noise (dpmsolver), and
 * their stochastic forms.
 */
final class DpmSolverMultistepScheduler extends LogSnrScheduler {
    /** Below this many steps the last ones are taken with lower order, which is more stable. */
    private static final int FEW_STEPS = 15;

    private final int order;
    private final boolean predictsClean;
    private final boolean stochastic;
    private final boolean heun;
    private final boolean lowerOrderFinal;
    private final boolean eulerAtFinal;
    private final boolean endIsZero;
    private final History outputs;

    DpmSolverMultistepScheduler(SchedulerConfig c, int steps) {
        super(c, levels(c, steps));
        JsonConfig o = c.json();
        o.only("algorithm_type", "dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver");
        o.only("solver_type", "midpoint", "heun");
        o.only("solver_order", 1, 2, 3);
        String algorithm = o.text("algorithm_type", "dpmsolver++");
        order = o.integer("solver_order", 2);
        predictsClean = algorithm.endsWith("++");
        stochastic = algorithm.startsWith("sde-");
        heun = o.text("solver_type", "midpoint").equals("heun");
        lowerOrderFinal = o.flag("lower_order_final", true);
        eulerAtFinal = o.flag("euler_at_final", false);
        endIsZero = NoiseLevels.endIsZero(c);
        if (stochastic && order == 3) {
            throw new UnsupportedConfigException(
                    o.source() + ": algorithm_type " + algorithm + " has solver_order 1 or 2");
        }
        outputs = new History(order);
        requireSound(predictsClean ? "" : "algorithm_type");
    }

    @Override
    int orderAt(int index) {
        boolean few = lowerOrderFinal && steps() < FEW_STEPS;
        int highest = order;
        if (index == steps() - 1 && (eulerAtFinal || few || endIsZero)) {
            highest = 1;
        } else if (index == steps() - 2 && few) {
            highest = 2;
        }
        return Math.min(index + 1, Math.min(order, highest));
    }

    @Override
    boolean isSound(int index, int order) {
        Step s = step(index);
        boolean sound =
                Double.isFinite(s.keep)
                        && Double.isFinite(s.weight)
                        && (!stochastic || Double.isFinite(fresh(index)));
        if (order > 1) {
            sound &= Double.isFinite(s.slopeWeight) && Math.abs(ratio(index, 1, s.h)) > 0;
        }
        if (order > 2) {
            Third t = third(index, s.h);
            sound &=
                    Math.abs(t.r1) > 0
                            && Double.isFinite(t.c1)
                            && Double.isFinite(t.c2)
                            && Double.isFinite(t.r0 / (t.r0 + t.r1));
        }
        return sound;
    }

    @Override
    String lowered() {
        return "euler_at_final";
    }

    /** Python writes "no limit" as {@code -Infinity}, which this project's files quote. */
    static double lowestLambda(JsonConfig c) {
        String stated = c.node().path("lambda_min_clipped").asText("");
        return stated.toLowerCase(Locale.ROOT).startsWith("-inf")
                ? Double.NEGATIVE_INFINITY
                : c.number("lambda_min_clipped", Double.NEGATIVE_INFINITY);
    }

    private static NoiseLevels levels(SchedulerConfig c, int steps) {
        NoiseTable table = finite(c);
        int trained = table.size();
        // The lowest λ may be clipped, which the cosine schedule needs.
        double lowest = lowestLambda(c.json());
        int last = trained;
        while (last > 1 && -Math.log(table.noiseLevel(last - 1)) < lowest) {
            last--;
        }
        double[] t =
                c.spacing("linspace").multistepTimesteps(trained, last, steps, c.stepsOffset());
        return NoiseLevels.multistep(c, table, t, false);
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        outputs.push(
                predictsClean
                        ? cleanSample(prediction, sample, index)
                        : noise(prediction, sample, index));
        // A run that begins in the middle remembers fewer.
        Tensor x = update(Math.min(outputs.size(), orderAt(index)), index, sample);
        return stochastic ? x.add(noise.draw(index, sample.shape()).mul(fresh(index))) : x;
    }

    /** Standard deviation of the noise that a stochastic step adds. */
    private double fresh(int index) {
        double h = lambda(index + 1) - lambda(index);
        double grown = predictsClean ? -Math.expm1(-2 * h) : Math.expm1(2 * h);
        return sigma(index + 1) * Math.sqrt(grown);
    }

    /**
     * What a step multiplies with.
     *
     * @param h its length in λ
     * @param keep the linear part
     * @param weight of the output in the exponential integrator
     * @param slopeWeight of the second-order term
     */
    private record Step(double h, double keep, double weight, double slopeWeight) {}

    private Step step(int index) {
        double h = lambda(index + 1) - lambda(index);
        double keep;
        double weight;
        double slopeWeight;
        if (predictsClean) {
            double rate = stochastic ? 2 * h : h;
            keep = sigma(index + 1) / sigma(index) * (stochastic ? Math.exp(-h) : 1);
            weight = -gamma(index + 1) * Math.expm1(-rate);
            slopeWeight =
                    heun
                            ? gamma(index + 1)
                                    * (stochastic
                                            ? Math.expm1(-rate) / rate + 1
                                            : Math.expm1(-h) / h + 1)
                            : 0.5 * weight;
        } else {
            double factor = stochastic ? 2 : 1;
            keep = gamma(index + 1) / gamma(index);
            weight = -factor * sigma(index + 1) * Math.expm1(h);
            slopeWeight =
                    heun ? -factor * sigma(index + 1) * (Math.expm1(h) / h - 1) : 0.5 * weight;
        }
        return new Step(h, keep, weight, slopeWeight);
    }

    private Tensor update(int order, int index, Tensor sample) {
        Step step = step(index);
        Tensor x = sample.mul(step.keep).add(outputs.get(0).mul(step.weight));
        if (order == 1) {
            return x;
        }
        Tensor slope = outputs.get(0).sub(outputs.get(1)).div(ratio(index, 1, step.h));
        if (order == 2) {
            return x.add(slope.mul(step.slopeWeight));
        }
        Third t = third(index, step.h);
        Tensor before = outputs.get(1).sub(outputs.get(2)).div(t.r1);
        Tensor difference = slope.sub(before);
        Tensor d1 = slope.add(difference.mul(t.r0 / (t.r0 + t.r1)));
        Tensor d2 = difference.div(t.r0 + t.r1);
        return x.add(d1.mul(t.c1)).add(d2.mul(t.c2));
    }

    /** How long a step before this one was, over this one's length. */
    private double ratio(int index, int back, double h) {
        return (lambda(index - back + 1) - lambda(index - back)) / h;
    }

    /** Lengths of the two steps before over this one's, and the weights of the third order. */
    private record Third(double r0, double r1, double c1, double c2) {}

    private Third third(int index, double h) {
        double c1;
        double c2;
        if (predictsClean) {
            c1 = gamma(index + 1) * (Math.expm1(-h) / h + 1);
            c2 = -gamma(index + 1) * ((Math.expm1(-h) + h) / (h * h) - 0.5);
        } else {
            c1 = -sigma(index + 1) * (Math.expm1(h) / h - 1);
            c2 = -sigma(index + 1) * ((Math.expm1(h) - h) / (h * h) - 0.5);
        }
        return new Third(ratio(index, 1, h), ratio(index, 2, h), c1, c2);
    }

    @Override
    public void close() {
        outputs.close();
    }
}
