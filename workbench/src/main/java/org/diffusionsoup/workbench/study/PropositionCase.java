package org.diffusionsoup.workbench.study;

import java.util.List;
import org.diffusionsoup.eval.mixture.Gaussian;
import org.diffusionsoup.eval.mixture.Mixture;

/**
 * Distributions that stand for the data of two shards.
 *
 * @param name such as {@code one covariance}
 * @param shards two distributions in [-4, 4]²
 */
record PropositionCase(String name, List<Mixture> shards) {
    /** From where Proposition 1 is exact to where it is not. */
    static final List<PropositionCase> ALL =
            List.of(
                    new PropositionCase(
                            "one covariance",
                            List.of(
                                    Mixture.of(Gaussian.round(-1, 0, 0.4)),
                                    Mixture.of(Gaussian.round(1, 0.5, 0.4)))),
                    new PropositionCase(
                            "two covariances",
                            List.of(
                                    Mixture.of(new Gaussian(1, -0.8, 0, 1.0, 0.6, 0.5)),
                                    Mixture.of(new Gaussian(1, 0.8, 0, 0.3, -0.2, 1.0)))),
                    new PropositionCase(
                            "shared mode",
                            List.of(
                                    Mixture.of(
                                            Gaussian.round(0, 0, 0.08),
                                            Gaussian.round(-1.6, 1.2, 0.08),
                                            Gaussian.round(-1.6, -1.2, 0.08)),
                                    Mixture.of(
                                            Gaussian.round(0, 0, 0.08),
                                            Gaussian.round(1.6, 1.2, 0.08),
                                            Gaussian.round(1.6, -1.2, 0.08)))),
                    new PropositionCase(
                            "no shared mode",
                            List.of(
                                    Mixture.of(
                                            Gaussian.round(-1.2, 1, 0.1),
                                            Gaussian.round(-1.2, -1, 0.1)),
                                    Mixture.of(
                                            Gaussian.round(1.2, 1.4, 0.1),
                                            Gaussian.round(1.2, -0.6, 0.1)))));
}
