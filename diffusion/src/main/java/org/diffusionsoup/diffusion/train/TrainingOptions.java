package org.diffusionsoup.diffusion.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;

/**
 * How a model is optimised: AdamW with warm-up, clipping, accumulation and a moving average.
 *
 * @param steps optimizer steps in all
 * @param batch rows per forward pass
 * @param accumulation forward passes per optimizer step
 * @param learningRate peak learning rate
 * @param schedule what the learning rate does after warm-up
 * @param warmup steps over which the learning rate rises from 0
 * @param weightDecay decoupled weight decay of AdamW
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param eps added to the root of the second moment
 * @param clipNorm largest allowed norm of the gradient, 0 for no limit
 * @param emaDecay decay of the moving average of the weights, 0 for none
 * @param seed of everything random in the run
 * @param bfloat16 whether matrix products and convolutions run in bfloat16
 */
public record TrainingOptions(
        long steps,
        int batch,
        int accumulation,
        double learningRate,
        Schedule schedule,
        long warmup,
        double weightDecay,
        double beta1,
        double beta2,
        double eps,
        double clipNorm,
        double emaDecay,
        long seed,
        boolean bfloat16) {

    /** What the learning rate does after warm-up. */
    public enum Schedule {
        /** Stays at its peak. */
        CONSTANT,
        /** Falls to a hundredth of its peak along half a cosine. */
        COSINE
    }

    public TrainingOptions {
        require(steps > 0, "`steps` must be at least 1, not " + steps);
        require(batch > 0, "`batch` must be at least 1, not " + batch);
        require(accumulation > 0, "`accumulation` must be at least 1, not " + accumulation);
        require(
                learningRate > 0 && Double.isFinite(learningRate),
                "`learningRate` must be a positive number, not " + learningRate);
        require(emaDecay >= 0 && emaDecay < 1, "`emaDecay` must be in [0, 1), not " + emaDecay);
        require(clipNorm >= 0, "`clipNorm` must not be negative, not " + clipNorm);
    }

    private static void require(boolean ok, String message) {
        if (!ok) {
            throw new TrainingException(message);
        }
    }

    /**
     * Says in a recipe how what has neither accumulation nor a choice of eps is trained: bases and
     * judges.
     *
     * @param recipe gets a field each
     */
    public void describe(ObjectNode recipe) {
        recipe.put("steps", steps);
        recipe.put("batch", batch);
        recipe.put("learning_rate", learningRate);
        recipe.put("schedule", schedule.name().toLowerCase(Locale.ROOT));
        recipe.put("warmup", warmup);
        recipe.put("weight_decay", weightDecay);
        recipe.put("betas", beta1 + "," + beta2);
        recipe.put("clip_norm", clipNorm);
        recipe.put("ema", emaDecay);
        recipe.put("bfloat16", bfloat16);
        recipe.put("seed", seed);
    }

    /** The paper's fine-tuning of SD 2.1 (Section 6): learning rate 1e-6 for 10,000 steps. */
    public static TrainingOptions paper(long seed) {
        return new TrainingOptions(
                10_000,
                8,
                1,
                1e-6,
                Schedule.CONSTANT,
                0,
                1e-2,
                0.9,
                0.999,
                1e-8,
                1.0,
                0,
                seed,
                false);
    }

    /** The same with another number of rows per forward pass. */
    public TrainingOptions withBatch(int rows) {
        return new TrainingOptions(
                steps,
                rows,
                accumulation,
                learningRate,
                schedule,
                warmup,
                weightDecay,
                beta1,
                beta2,
                eps,
                clipNorm,
                emaDecay,
                seed,
                bfloat16);
    }

    /** The same with another peak learning rate. */
    public TrainingOptions withLearningRate(double rate) {
        return new TrainingOptions(
                steps,
                batch,
                accumulation,
                rate,
                schedule,
                warmup,
                weightDecay,
                beta1,
                beta2,
                eps,
                clipNorm,
                emaDecay,
                seed,
                bfloat16);
    }

    /** Learning rate of a step, counted from 0. */
    public double learningRateAt(long step) {
        if (step < warmup) {
            return learningRate * (step + 1) / warmup;
        }
        if (schedule == Schedule.CONSTANT) {
            return learningRate;
        }
        double done = (double) (step - warmup) / Math.max(1, steps - warmup);
        return learningRate * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done))));
    }
}
