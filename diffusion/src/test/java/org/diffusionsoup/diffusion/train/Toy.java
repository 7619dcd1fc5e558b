package org.diffusionsoup.diffusion.train;

import java.util.Arrays;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Two linear layers that learn a fixed function of four numbers from noisy inputs. */
final class Toy implements Objective, AutoCloseable {
    private static final int INPUTS = 4;

    private final Parameters parameters;
    private final Linear first;
    private final Linear second;
    private final float[][] inputs;
    private final double noise;
    private Optional<int[]> buckets = Optional.empty();

    /**
     * @param initSeed decides the starting weights
     * @param noise standard deviation of what is added to the inputs, fresh for every batch
     */
    Toy(int rows, long initSeed, double noise) {
        Names root = Names.root();
        first = new Linear(root.sub("first"), INPUTS, 16, true);
        second = new Linear(root.sub("second"), 16, 1, true);
        parameters = root.parameters().allocate();
        parameters.initialise(initSeed);
        this.noise = noise;
        inputs = new float[rows][INPUTS];
        java.util.SplittableRandom random = new java.util.SplittableRandom(99);
        for (float[] row : inputs) {
            for (int i = 0; i < INPUTS; i++) {
                row[i] = (float) random.nextGaussian();
            }
        }
    }

    /** The same, of whose rows only those of one bucket come together; row r is in r % count. */
    Toy inBuckets(int count) {
        buckets = Optional.of(IntStream.range(0, inputs.length).map(r -> r % count).toArray());
        return this;
    }

    @Override
    public Optional<int[]> buckets() {
        return buckets;
    }

    Parameters parameters() {
        return parameters;
    }

    @Override
    public int rows() {
        return inputs.length;
    }

    /** The mean over some rows, which must be of one bucket. */
    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator java) {
        buckets.ifPresent(b -> {
            if (Arrays.stream(rows).map(r -> b[r]).distinct().count() != 1) {
                throw new IllegalArgumentException("rows of several buckets in one batch");
            }
        });
        float[] x = new float[rows.length * INPUTS];
        float[] y = new float[rows.length];
        for (int i = 0; i < rows.length; i++) {
            float[] in = inputs[rows[i]];
            for (int j = 0; j < INPUTS; j++) {
                x[i * INPUTS + j] = in[j] + (float) (noise * java.nextGaussian());
            }
            y[i] = in[0] * in[1] + in[2];
        }
        Tensor noisy = Tensor.of(x, rows.length, INPUTS);
        noisy = noisy.add(rng.normal(rows.length, INPUTS).mul(noise));
        Tensor hidden = Functional.silu(first.forward(noisy));
        return Functional.mse(second.forward(hidden), Tensor.of(y, rows.length, 1));
    }

    @Override
    public void close() {
        parameters.close();
    }
}
