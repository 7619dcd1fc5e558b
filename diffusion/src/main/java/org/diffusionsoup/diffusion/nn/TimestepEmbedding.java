package org.diffusionsoup.diffusion.nn;

import java.util.List;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Numbers as sines and cosines of falling frequencies, diffusers' {@code Timesteps}. */
public final class TimestepEmbedding {
    private TimestepEmbedding() {}

    /**
     * @param t timesteps, or other numbers, (n)
     * @param dim width of the embedding, even
     * @param flipSinToCos whether cosines come first
     * @param freqShift shift in the frequencies' denominator
     * @return (n, dim)
     */
    public static Tensor sinusoid(Tensor t, long dim, boolean flipSinToCos, double freqShift) {
        long half = dim / 2;
        // Arithmetic in float32 in the reference's order: exponent, exp, product.
        Tensor exponent = Tensor.arange(half).toFloat().mul(-Math.log(10000)).div(half - freqShift);
        Tensor args = t.unsqueeze(1).mul(exponent.exp().unsqueeze(0)); // (n, half)
        return flipSinToCos
                ? Tensor.cat(List.of(args.cos(), args.sin()), -1)
                : Tensor.cat(List.of(args.sin(), args.cos()), -1);
    }
}
