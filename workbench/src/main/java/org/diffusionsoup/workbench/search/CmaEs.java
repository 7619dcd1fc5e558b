package org.diffusionsoup.workbench.search;

import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import org.diffusionsoup.core.search.SimplexOptimizer;
import org.hipparchus.optim.InitialGuess;
import org.hipparchus.optim.MaxEval;
import org.hipparchus.optim.SimpleBounds;
import org.hipparchus.optim.SimpleValueChecker;
import org.hipparchus.optim.nonlinear.scalar.GoalType;
import org.hipparchus.optim.nonlinear.scalar.ObjectiveFunction;
import org.hipparchus.optim.nonlinear.scalar.noderiv.CMAESOptimizer;
import org.hipparchus.random.MersenneTwister;

/**
 * CMA-ES of the Hipparchus library: draws generations of points around a mean whose shape it learns
 * (Hansen and Ostermeier 2001). Every point changes all coefficients, so a candidate reads every
 * ingredient; meant for searches whose drawing takes far longer than that.
 */
public final class CmaEs implements SimplexOptimizer {
    /** First spread of the coordinates: factors of about 1.6 in the shares. */
    private static final double SIGMA = 0.5;

    private static final double LIMIT = 4;
    private static final int GENERATIONS = 1000;

    @Override
    public String name() {
        return "cma-es";
    }

    @Override
    public boolean isLocal() {
        return false;
    }

    @Override
    public void maximise(int dimensions, ToDoubleFunction<double[]> value, long seed) {
        double[] low = new double[dimensions];
        double[] high = new double[dimensions];
        double[] sigma = new double[dimensions];
        Arrays.fill(low, -LIMIT);
        Arrays.fill(high, LIMIT);
        Arrays.fill(sigma, SIGMA);
        int population = 4 + (int) (3 * Math.log(dimensions));
        CMAESOptimizer optimizer =
                new CMAESOptimizer(
                        GENERATIONS,
                        0, // no value is good enough to stop
                        true,
                        0,
                        1,
                        new MersenneTwister(seed),
                        false,
                        new SimpleValueChecker(0, 1e-9, GENERATIONS));
        optimizer.optimize(
                new MaxEval(GENERATIONS * population),
                new ObjectiveFunction(z -> value.applyAsDouble(centred(z))),
                GoalType.MAXIMIZE,
                new InitialGuess(new double[dimensions]),
                new SimpleBounds(low, high),
                new CMAESOptimizer.Sigma(sigma),
                new CMAESOptimizer.PopulationSize(population));
    }

    /** Softmax does not change when all coordinates are shifted; their mean share becomes 1. */
    private static double[] centred(double[] z) {
        double mean = Math.log(Arrays.stream(z).map(Math::exp).average().orElse(1));
        return Arrays.stream(z).map(v -> v - mean).toArray();
    }
}
