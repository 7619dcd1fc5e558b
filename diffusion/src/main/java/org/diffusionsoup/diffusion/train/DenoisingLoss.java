package org.diffusionsoup.diffusion.train;

import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * How a denoiser's error becomes one number, and which noise it is asked for: Eq. 3 of the paper,
 * and two habits of those who fine-tune Stable Diffusion. Both compute what diffusers' {@code
 * train_text_to_image.py} computes for {@code --snr_gamma} and {@code --noise_offset}.
 *
 * @param minSnr γ of min-SNR weighting (Hang et al. 2023, arXiv 2303.09556), which keeps the
 *     timesteps of little noise from outweighing the others, 5 in their paper; 0 for equal weights
 * @param offsetNoise strength of offset noise: so many standard deviations of a normal number,
 *     drawn for each row and channel, are added to all of its noise, so that the model learns to
 *     change a picture's brightness as a whole; 0 for none
 */
public record DenoisingLoss(double minSnr, double offsetNoise) {
    private static final double LEAST_SNR = 1e-3;
    private static final double MOST_SNR = 1e6;

    /** Eq. 3 as it stands. */
    public static final DenoisingLoss PLAIN = new DenoisingLoss(0, 0);

    /**
     * @throws TrainingException if γ is neither 0 nor from 0.001 to 1e6 (with less the loss of a
     *     float32 run vanishes, with more it is that of equal weights), or the strength outside 0
     *     to 1
     */
    public DenoisingLoss {
        if (!(minSnr == 0 || minSnr >= LEAST_SNR && minSnr <= MOST_SNR)) {
            throw new TrainingException(
                    "`minSnr` must be from 0.001 to 1000000, usually 5, or 0 for none, not "
                            + minSnr);
        }
        if (!(offsetNoise >= 0 && offsetNoise <= 1)) {
            throw new TrainingException(
                    "`offsetNoise` must be in [0, 1], usually 0.05 to 0.1, not " + offsetNoise);
        }
    }

    /**
     * The noise ε that is added to a batch and, as a whole, asked of the model.
     *
     * @param rng draws ε first and the offsets, where there are any, after it
     * @param shape (N, C, h, w)
     */
    Tensor noise(Rng rng, long... shape) {
        Tensor eps = rng.normal(shape);
        return offsetNoise == 0 ? eps : offset(eps, rng.normal(shape[0], shape[1], 1, 1));
    }

    /**
     * ε with offsets in it.
     *
     * @param eps standard normal (N, C, h, w)
     * @param offsets standard normal (N, C, 1, 1)
     */
    Tensor offset(Tensor eps, Tensor offsets) {
        return eps.add(offsets.mul(offsetNoise));
    }

    /**
     * The weight of a timestep's squared error: with SNR = γ_t²/σ_t², min(SNR, γ) of the error of
     * the clean sample, which is min(SNR, γ)/SNR of that of the noise and min(SNR, γ)/(SNR + 1) of
     * that of the velocity. Where there is no signal (the last step of a schedule with zero
     * terminal SNR) these are 0, 1 (the limit; the quotient is 0/0) and 0.
     *
     * @param table γ_t and σ_t
     * @param type what the model predicts
     * @param t timestep, from 0
     * @return 1 where γ is 0
     */
    public double weight(NoiseTable table, PredictionType type, long t) {
        if (minSnr == 0) {
            return 1;
        }
        double signal = table.alphaCumprod((int) t);
        double snr = signal / (1 - signal);
        return switch (type) {
            case EPSILON -> Math.min(1, minSnr / snr);
            case V_PREDICTION -> Math.min(snr, minSnr) / (snr + 1);
            case SAMPLE -> Math.min(snr, minSnr);
        };
    }

    /**
     * The mean over the batch of each row's mean squared error times its timestep's weight.
     *
     * @param prediction (N, C, h, w), float32
     * @param target of the same shape
     * @param timesteps one per row
     * @return a scalar
     */
    Tensor of(
            Tensor prediction,
            Tensor target,
            NoiseTable table,
            PredictionType type,
            long... timesteps) {
        if (minSnr == 0) {
            return Functional.mse(prediction, target);
        }
        float[] weights = new float[timesteps.length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) weight(table, type, timesteps[i]);
        }
        Tensor each = prediction.sub(target).square().mean(false, 1, 2, 3);
        return each.mul(Tensor.of(weights)).mean();
    }
}
