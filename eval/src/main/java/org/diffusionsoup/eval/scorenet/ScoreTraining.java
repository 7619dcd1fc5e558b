package org.diffusionsoup.eval.scorenet;

import java.util.SplittableRandom;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.AdamW;
import org.diffusionsoup.eval.EvalException;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;

/**
 * Trains {@link ScoreNetwork}s on samples of distributions: denoising score matching (paper, Eq. 3)
 * of velocities, timesteps drawn evenly, AdamW without weight decay, the learning rate falling to 0
 * along half a cosine. Every batch is drawn anew, so that a network has as many samples as it sees.
 */
public final class ScoreTraining {
    private final ReverseDiffusion process;
    private final int batch;

    /**
     * @param process whose schedule is trained for
     * @param batch samples of a step
     */
    public ScoreTraining(ReverseDiffusion process, int batch) {
        if (batch < 1) {
            throw new EvalException("A batch needs at least one sample, not %d.".formatted(batch));
        }
        this.process = process;
        this.batch = batch;
    }

    /**
     * Trains a network in place.
     *
     * @param of what its samples are drawn from
     * @param steps of the optimizer
     * @param learningRate of the first step
     * @param seed of the samples, timesteps and noise
     * @param afterStep told of every step
     */
    public void train(
            ScoreNetwork network,
            Mixture of,
            int steps,
            double learningRate,
            long seed,
            Runnable afterStep) {
        SplittableRandom random = new SplittableRandom(seed);
        int timesteps = process.timesteps();
        network.parameters().train();
        try (Scope all = Scope.open();
                AdamW optimizer = new AdamW(network.parameters(), 0.9, 0.99, 1e-8, 0)) {
            Tensor table = ScoreNetwork.embedding(Tensor.arange(timesteps).toFloat());
            for (int step = 0; step < steps; step++) {
                try (Scope scope = Scope.open();
                        Torch.Guard on = Torch.gradients(true)) {
                    loss(network, of, table, random).backward();
                    double half = Math.PI * step / steps;
                    optimizer.step(learningRate * (1 + Math.cos(half)) / 2);
                    network.parameters().flatGrad().zero_();
                }
                afterStep.run();
            }
        }
    }

    private Tensor loss(ScoreNetwork network, Mixture of, Tensor table, SplittableRandom random) {
        double[][] clean = of.sample(batch, random);
        float[] x = new float[2 * batch];
        float[] v = new float[2 * batch];
        long[] t = new long[batch];
        for (int i = 0; i < batch; i++) {
            int at = random.nextInt(process.timesteps());
            t[i] = at;
            for (int d = 0; d < 2; d++) {
                double noise = random.nextGaussian();
                x[2 * i + d] =
                        (float) (process.gamma(at) * clean[i][d] + process.sigma(at) * noise);
                v[2 * i + d] =
                        (float) (process.gamma(at) * noise - process.sigma(at) * clean[i][d]);
            }
        }
        Tensor embedding = table.indexSelect(0, Tensor.of(t, batch));
        return Functional.mse(
                network.forward(Tensor.of(x, batch, 2), embedding), Tensor.of(v, batch, 2));
    }
}
