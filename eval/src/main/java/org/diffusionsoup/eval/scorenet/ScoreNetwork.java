package org.diffusionsoup.eval.scorenet;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.TimestepEmbedding;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.EvalException;

/**
 * A denoiser of points in the plane: three hidden layers of 128 with SiLU between them, told the
 * timestep by 64 sines and cosines through a layer of its own that is added to the first. It
 * predicts the velocity v = γ_t ε - σ_t x_0 (Salimans and Ho 2022), from which ε = γ_t v + σ_t x_t.
 *
 * <p>Its memory is freed by {@link #close}.
 */
public final class ScoreNetwork implements AutoCloseable {
    private static final int WIDTH = 128;
    private static final int EMBEDDING = 64;
    private static final int HIDDEN = 2; // after the first

    /** An affine map. */
    private record Layer(Parameter weight, Parameter bias) {
        static Layer of(Names names, long in, long out) {
            return new Layer(
                    names.parameter("weight", Init.fanIn(in), out, in),
                    names.parameter("bias", Init.fanIn(in), out));
        }

        Tensor forward(Tensor x) {
            return Functional.linear(x, weight.value(), bias.value());
        }
    }

    private final Parameters parameters;
    private final List<Layer> layers = new ArrayList<>(); // place, time, hidden ones, out

    private ScoreNetwork() {
        Names root = Names.root();
        parameters = root.parameters();
        layers.add(Layer.of(root.sub("place"), 2, WIDTH));
        layers.add(Layer.of(root.sub("time"), EMBEDDING, WIDTH));
        for (int i = 0; i < HIDDEN; i++) {
            layers.add(Layer.of(root.sub("hidden", i), WIDTH, WIDTH));
        }
        layers.add(Layer.of(root.sub("out"), WIDTH, 2));
        parameters.allocate();
    }

    /** Untrained, with torch's default initialisation; the same for the same seed. */
    public static ScoreNetwork untrained(long seed) {
        ScoreNetwork network = new ScoreNetwork();
        try (Torch.Guard off = Torch.gradients(false)) {
            network.parameters.initialise(seed);
        }
        return network;
    }

    /**
     * The soup Σ k_i w_i (paper, Eq. 5), a network of its own; of one network and coefficient 1 a
     * copy.
     *
     * @param networks one or more
     * @param coefficients k_i, one per network
     */
    public static ScoreNetwork soup(List<ScoreNetwork> networks, double... coefficients) {
        if (networks.isEmpty() || networks.size() != coefficients.length) {
            throw new EvalException(
                    "A soup needs networks and a coefficient for each, not %d networks and %d coefficients."
                            .formatted(networks.size(), coefficients.length));
        }
        ScoreNetwork soup = new ScoreNetwork();
        try (Scope scope = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor sum = soup.parameters.flat().zero_();
            for (int i = 0; i < coefficients.length; i++) {
                sum.add_(networks.get(i).parameters.flat(), coefficients[i]);
            }
        }
        return soup;
    }

    /**
     * Timesteps as the network reads them.
     *
     * @param t float32 timesteps, (n)
     * @return (n, 64)
     */
    static Tensor embedding(Tensor t) {
        return TimestepEmbedding.sinusoid(t, EMBEDDING, true, 0);
    }

    /**
     * Predicts velocities.
     *
     * @param x places, (n, 2)
     * @param embedding of their timesteps, (n, 64), or (1, 64) for one timestep of all
     * @return (n, 2)
     */
    Tensor forward(Tensor x, Tensor embedding) {
        return forward(x, embedding, (i, in) -> layers.get(i).forward(in));
    }

    /**
     * What the soups of some networks predict, averaged anew for each sample: ε_{Σ k_i(x_t, t) w_i}
     * (paper, Proposition 2). A layer of averaged weights gives the average of the layers' outputs,
     * so no weights have to be averaged one sample at a time.
     *
     * @param networks one or more
     * @param k coefficients, (n, networks)
     */
    static Tensor resouped(List<ScoreNetwork> networks, Tensor k, Tensor x, Tensor embedding) {
        return forward(
                x,
                embedding,
                (i, in) -> {
                    Tensor sum =
                            networks.getFirst().layers.get(i).forward(in).mul(k.narrow(1, 0, 1));
                    for (int m = 1; m < networks.size(); m++) {
                        sum =
                                sum.add(
                                        networks.get(m)
                                                .layers
                                                .get(i)
                                                .forward(in)
                                                .mul(k.narrow(1, m, 1)));
                    }
                    return sum;
                });
    }

    /** The output of the i-th layer, of one network's weights or of averaged ones. */
    @FunctionalInterface
    private interface Affine {
        Tensor of(int layer, Tensor in);
    }

    private static Tensor forward(Tensor x, Tensor embedding, Affine affine) {
        Tensor h = Functional.silu(affine.of(0, x).add(affine.of(1, embedding)));
        for (int i = 0; i < HIDDEN; i++) {
            h = Functional.silu(affine.of(2 + i, h));
        }
        return affine.of(2 + HIDDEN, h);
    }

    /** Its weights. */
    Parameters parameters() {
        return parameters;
    }

    @Override
    public void close() {
        parameters.close();
    }
}
