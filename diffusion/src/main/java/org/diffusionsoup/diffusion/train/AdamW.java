package org.diffusionsoup.diffusion.train;

import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter 2019), step for step as {@code
 * torch.optim.AdamW}, over the flat buffers of a model.
 */
public final class AdamW implements AutoCloseable {
    /**
     * Weights updated at a time. Whole buffers would need temporaries of the model's size, which
     * come and go as a visible part of the process's memory.
     */
    private static final long PIECE = 1 << 17;

    private final Parameters parameters;
    private final double beta1;
    private final double beta2;
    private final double eps;
    private final double weightDecay;
    private final Tensor m;
    private final Tensor v;
    private long step;

    /** An optimizer with zero moments for a model whose gradients are on. */
    public AdamW(
            Parameters parameters, double beta1, double beta2, double eps, double weightDecay) {
        this.parameters = parameters;
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.eps = eps;
        this.weightDecay = weightDecay;
        try (Scope s = Scope.open()) {
            m = Tensor.zeros(parameters.count()).keep();
            v = Tensor.zeros(parameters.count()).keep();
        }
    }

    /** Changes the weights by the gradient that has added up, at the given learning rate. */
    public void step(double learningRate) {
        step++;
        double c1 = 1 - Math.pow(beta1, step);
        double c2 = 1 - Math.pow(beta2, step);
        long count = parameters.count();
        long piece = Torch.piece(PIECE);
        for (long at = 0; at < count; at += piece) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                long n = Math.min(piece, count - at);
                Tensor w = parameters.flat().narrow(0, at, n);
                Tensor g = parameters.flatGrad().narrow(0, at, n);
                Tensor mean = m.narrow(0, at, n);
                Tensor square = v.narrow(0, at, n);
                w.mul_(1 - learningRate * weightDecay);
                // mean.lerp_(g, 1 - beta1), whose kernel takes one element at a time
                mean.add_(g.sub(mean), 1 - beta1);
                square.mul_(beta2).addcmul_(g, g, 1 - beta2);
                Tensor denominator = square.sqrt().div_(Math.sqrt(c2)).add_(eps);
                w.addcdiv_(mean, denominator, -learningRate / c1);
            }
        }
    }

    /** First moments, flat. */
    Tensor m() {
        return m;
    }

    /** Second moments, flat. */
    Tensor v() {
        return v;
    }

    /** Steps taken. */
    public long steps() {
        return step;
    }

    void restore(long steps) {
        step = steps;
    }

    @Override
    public void close() {
        m.release();
        v.release();
    }
}
