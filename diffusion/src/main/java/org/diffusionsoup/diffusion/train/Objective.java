package org.diffusionsoup.diffusion.train;

import java.util.Optional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/** What is minimised: a loss over one batch of rows. */
public interface Objective {
    /** Number of training rows. */
    int rows();

    /**
     * The bucket of each row, from 0: only rows of one bucket, such as pictures of one size, may
     * make a batch, so that some batches hold fewer rows than others. Empty where any rows may.
     */
    default Optional<int[]> buckets() {
        return Optional.empty();
    }

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
