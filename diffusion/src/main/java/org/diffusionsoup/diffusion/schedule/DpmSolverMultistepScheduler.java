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
        if (!predictsClean && endIsZero) {
            throw new UnsupportedConfigException(
                    o.source()
                            + ": algorithm_type "
                            + algorithm
                            + " cannot end at zero noise; set final_sigmas_type to sigma_min");
        }
        if (stochastic && order == 3) {
            throw new UnsupportedConfigException(
                    o.source() + ": algorithm_type " + algorithm + " has solver_order 1 or 2");
        }
        outputs = new History(order);
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
        boolean few = lowerOrderFinal && steps() < FEW_STEPS;
        int highest = order;
        if (index == steps() - 1 && (eulerAtFinal || few || endIsZero)) {
            highest = 1;
        } else if (index == steps() - 2 && few) {
            highest = 2;
        }
        Tensor x = update(Math.min(outputs.size(), Math.min(order, highest)), index, sample);
        return stochastic ? x.add(noise.draw(index, sample.shape()).mul(fresh(index))) : x;
    }

    /** Standard deviation of the noise that a stochastic step adds. */
    private double fresh(int index) {
        double h = lambda(index + 1) - lambda(index);
        double grown = predictsClean ? -Math.expm1(-2 * h) : Math.expm1(2 * h);
        return sigma(index + 1) * Math.sqrt(grown);
    }

    private Tensor update(int order, int index, Tensor sample) {
        double h = lambda(index + 1) - lambda(index);
        // The linear part, and the weight of the output in the exponential integrator.
        double keep;
        double weight;
        double slopeWeight; // of the second-order term
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
        Tensor x = sample.mul(keep).add(outputs.get(0).mul(weight));
        if (order == 1) {
            return x;
        }
        double r0 = (lambda(index) - lambda(index - 1)) / h;
        Tensor slope = outputs.get(0).sub(outputs.get(1)).div(r0);
        if (order == 2) {
            return x.add(slope.mul(slopeWeight));
        }
        return thirdOrder(x, slope, r0, h, index);
    }

    private Tensor thirdOrder(Tensor x, Tensor slope, double r0, double h, int index) {
        double r1 = (lambda(index - 1) - lambda(index - 2)) / h;
        Tensor before = outputs.get(1).sub(outputs.get(2)).div(r1);
        Tensor difference = slope.sub(before);
        Tensor d1 = slope.add(difference.mul(r0 / (r0 + r1)));
        Tensor d2 = difference.div(r0 + r1);
        double c1;
        double c2;
        if (predictsClean) {
            c1 = gamma(index + 1) * (Math.expm1(-h) / h + 1);
            c2 = -gamma(index + 1) * ((Math.expm1(-h) + h) / (h * h) - 0.5);
        } else {
            c1 = -sigma(index + 1) * (Math.expm1(h) / h - 1);
            c2 = -sigma(index + 1) * ((Math.expm1(h) - h) / (h * h) - 0.5);
        }
        return x.add(d1.mul(c1)).add(d2.mul(c2));
    }

    @Override
    public void close() {
        outputs.close();
    }
}
