package org.diffusionsoup.diffusion.train;

import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/** What is minimised: a loss over one batch of rows. */
public interface Objective {
    /** Number of training rows. */
    int rows();

    /**
     * Told before every batch how many batches of the run came before it, so that an objective can
     * make its rows as they are needed. A resumed run begins with the batch it resumes at.
     */
    default void begin(long batch) {}

    /**
     * The mean loss over some rows, recorded for back-propagation.
     *
     * @param rows indices into the training rows
     * @param rng randomness of this batch: the same whenever this step is run
     * @param java a second source for discrete choices, seeded alike
     * @return a scalar
     */
    Tensor loss(int[] rows, Rng rng, java.util.random.RandomGenerator java);
}
