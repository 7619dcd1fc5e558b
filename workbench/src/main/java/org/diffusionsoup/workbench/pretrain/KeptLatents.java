package org.diffusionsoup.workbench.pretrain;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * Keeps the latents that an autoencoder made before it was widened: in training, what they come
 * from stays as it is, and only the new channels and the decoder learn. A denoiser that was trained
 * on those latents so keeps all it knows.
 */
final class KeptLatents implements AutoCloseable {
    /** Rows of a weight that stay, with a copy of them. */
    private record Kept(Tensor rows, Tensor copy) {}

    private final List<Kept> kept = new ArrayList<>();

    /**
     * @param vae the widened autoencoder's weights, before training
     * @param known latent channels that it had before
     * @param now latent channels that it has
     */
    KeptLatents(Parameters vae, long known, long now) {
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Parameter p : vae.all()) {
                String name = p.name();
                if (name.startsWith("encoder.conv_out.") || name.startsWith("quant_conv.")) {
                    keep(p.value().detach().narrow(0, 0, known)); // means
                    keep(p.value().detach().narrow(0, now, known)); // log variances
                } else if (name.startsWith("encoder.")) {
                    keep(p.value().detach());
                }
            }
        }
    }

    private void keep(Tensor rows) {
        try (Scope s = Scope.open()) {
            Tensor copy = Tensor.empty(rows.shape()).copy_(rows).keep();
            kept.add(new Kept(rows.keep(), copy));
        }
    }

    /** Puts back what a training step has changed. */
    void restore() {
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            kept.forEach(k -> k.rows.copy_(k.copy));
        }
    }

    @Override
    public void close() {
        kept.forEach(k -> {
            k.rows.release();
            k.copy.release();
        });
    }
}
