package org.diffusionsoup.workbench.pretrain;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * Carries the weights of a model over to one of the same shape with more latent channels, without
 * changing what it computes: latents of the first channels come out as before, and what the new
 * channels hold is not heard until training has found a use for it.
 *
 * <p>Only the layers that touch latents differ. A weight from a new channel to anything known is
 * zero; weights towards a new channel keep the values they were initialised with.
 */
final class LatentWidening {
    /** Layers whose outputs are means of all latent channels and then their log variances. */
    private static final Set<String> MOMENTS_OUT = Set.of("encoder.conv_out", "quant_conv");

    private static final Set<String> MOMENTS_IN = Set.of("quant_conv");

    private static final Set<String> LATENTS_OUT = Set.of("post_quant_conv", "conv_out");
    private static final Set<String> LATENTS_IN =
            Set.of("post_quant_conv", "decoder.conv_in", "conv_in");

    private LatentWidening() {}

    /** A run of channels: where it begins in the narrow model, and where in the wide one. */
    private record Channels(long from, long to, long length) {}

    /**
     * @param narrow the trained model's weights
     * @param wide initialised weights of the wider model; changed
     * @throws SoupException if the two differ in more than the number of latent channels
     */
    static void copy(Parameters narrow, Parameters wide) {
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Parameter p : wide.all()) {
                Parameter old = narrow.find(p.name());
                if (old == null || old.shape().length != p.shape().length) {
                    throw new SoupException(
                            "The base to train on has no "
                                    + p.name()
                                    + " of this recipe's kind; `from` takes a base of the same"
                                    + " widths, with as many latent channels or fewer.");
                }
                try (Scope s = Scope.open()) {
                    copy(p.name(), old.value(), p.value());
                }
            }
        }
    }

    private static void copy(String name, Tensor old, Tensor to) {
        String layer = name.substring(0, name.lastIndexOf('.'));
        long[] known = old.shape();
        long[] now = to.shape();
        for (int d = 0; d < known.length; d++) {
            boolean latent =
                    d == 0 && (LATENTS_OUT.contains(layer) || MOMENTS_OUT.contains(layer))
                            || d == 1 && (LATENTS_IN.contains(layer) || MOMENTS_IN.contains(layer));
            if (latent ? known[d] > now[d] : known[d] != now[d]) {
                throw new SoupException(
                        name
                                + " of the base to train on has the shape "
                                + Arrays.toString(known)
                                + ", and this recipe's is "
                                + Arrays.toString(now)
                                + "; `from` takes a base of the same widths, with as many latent"
                                + " channels or fewer.");
            }
        }
        List<Channels> columns =
                known.length == 1
                        ? List.of()
                        : channels(known[1], now[1], MOMENTS_IN.contains(layer));
        for (Channels r : channels(known[0], now[0], MOMENTS_OUT.contains(layer))) {
            Tensor from = old.narrow(0, r.from, r.length);
            Tensor row = to.narrow(0, r.to, r.length);
            if (columns.isEmpty()) {
                row.copy_(from);
                continue;
            }
            row.zero_();
            for (Channels c : columns) {
                row.narrow(1, c.to, c.length).copy_(from.narrow(1, c.from, c.length));
            }
        }
    }

    private static List<Channels> channels(long known, long now, boolean moments) {
        return moments
                ? List.of(
                        new Channels(0, 0, known / 2), new Channels(known / 2, now / 2, known / 2))
                : List.of(new Channels(0, 0, known));
    }
}
