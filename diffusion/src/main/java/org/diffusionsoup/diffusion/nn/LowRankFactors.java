package org.diffusionsoup.diffusion.nn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/**
 * The factors of low-rank branches beside some weights of a model (LoRA, Hu et al. 2021), which
 * stay as they are. As long as this is open, the model's layers compute {@code W x + (alpha / rank)
 * B A x}. A starts as peft's does, uniform in ±1/√in (Kaiming's with a = √5), and B at zero: at
 * first the model computes what it did.
 */
public final class LowRankFactors implements AutoCloseable {
    private final Parameters factors;
    private final List<Layer> layers;

    /**
     * One weight and its branch.
     *
     * @param weight of the model, (out, in) or (out, in, k, k)
     * @param down A, (rank, in) or (rank, in, k, k)
     * @param up B, (out, rank) or (out, rank, 1, 1)
     */
    public record Layer(Parameter weight, Parameter down, Parameter up) {}

    private LowRankFactors(Parameters factors, List<Layer> layers) {
        this.factors = factors;
        this.layers = List.copyOf(layers);
    }

    /**
     * Puts branches beside the chosen weights.
     *
     * @param model whose gradients stay off
     * @param chosen matrices of linear layers and kernels of convolutions
     * @param rank of every branch
     * @param alpha over the rank, the factor of every branch
     * @param seed of the numbers that A starts with
     */
    public static LowRankFactors attach(
            Parameters model, Predicate<Parameter> chosen, int rank, double alpha, long seed) {
        Parameters factors = new Parameters();
        List<Layer> layers = new ArrayList<>();
        for (Parameter w : model.all()) {
            if (chosen.test(w)) {
                layers.add(layer(factors, w, rank));
            }
        }
        factors.allocate().initialise(seed);
        layers.forEach(l -> l.weight.branch(new LowRank(l.down, l.up, alpha / rank)));
        return new LowRankFactors(factors, layers);
    }

    private static Layer layer(Parameters factors, Parameter weight, int rank) {
        long[] in = weight.shape();
        long[] out = new long[in.length];
        Arrays.fill(out, 1);
        out[0] = in[0];
        out[1] = rank;
        in[0] = rank;
        String module = weight.name().substring(0, weight.name().lastIndexOf('.'));
        Init start = Init.fanIn(weight.elements() / out[0]);
        return new Layer(
                weight,
                factors.declare(module + ".lora_A.weight", start, in),
                factors.declare(module + ".lora_B.weight", Init.ZERO, out));
    }

    /** What is trained: all factors, one model's worth of weights. */
    public Parameters parameters() {
        return factors;
    }

    /** In the order of the model's weights. */
    public List<Layer> layers() {
        return layers;
    }

    /** Takes the branches away and frees the factors. */
    @Override
    public void close() {
        layers.forEach(l -> l.weight.branch(null));
        factors.close();
    }
}
