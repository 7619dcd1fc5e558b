package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.RgbImage;

/**
 * Pictures as a base leaves them that has not finished: a real picture's latents, noised up to a
 * timestep, and the denoiser's first guess of what was there. Towards the end of the schedule
 * little but the prompt is left.
 */
public final class PartialDenoiser implements AutoCloseable {
    private static final int BATCH = 16;

    private final StableDiffusion base;
    private final NoiseTable table;

    /**
     * @param base is closed with this; its autoencoder must take the pictures' size
     */
    public PartialDenoiser(StableDiffusion base) {
        this.base = base;
        this.table = base.scheduler().table();
    }

    /**
     * One picture each.
     *
     * @param levels share of the noise schedule, 0 to 1; 0 still goes through the autoencoder
     * @param seed of the noise; the i-th picture depends on it, on i and on its own inputs alone
     */
    List<RgbImage> pictures(
            List<RgbImage> images, List<String> prompts, List<Double> levels, long seed) {
        List<RgbImage> out = new ArrayList<>();
        for (int from = 0; from < images.size(); from += BATCH) {
            int to = Math.min(images.size(), from + BATCH);
            batch(
                    images.subList(from, to),
                    prompts.subList(from, to),
                    levels.subList(from, to),
                    seed,
                    from,
                    out);
        }
        return out;
    }

    private void batch(
            List<RgbImage> images,
            List<String> prompts,
            List<Double> levels,
            long seed,
            int first,
            List<RgbImage> out) {
        int n = images.size();
        long[] t = new long[n];
        for (int i = 0; i < n; i++) {
            t[i] = Math.round(levels.get(i) * (table.size() - 1));
        }
        double scale = base.vae().config().scalingFactor();
        try (Torch.Guard off = Torch.gradients(false);
                Scope s = Scope.open()) {
            Tensor clean = base.vae().encode(pixels(images)).mean().mul(scale);
            Tensor noisy = table.addNoise(clean, noise(clean.shape(), seed, first), t);
            int[][] ids = prompts.stream().map(base.tokenizer()::encode).toArray(int[][]::new);
            Tensor text = base.textEncoder().forward(Tensor.ofRows(ids)).lastHiddenState();
            Tensor said = base.unet().forward(noisy, Tensor.of(t, n), text);
            Tensor guess = guess(said.toFloat(), noisy, t);
            Tensor drawn = base.vae().decode(guess.div(scale)).toFloat().clamp(-1, 1);
            out.addAll(images(drawn));
        }
    }

    private Tensor guess(Tensor said, Tensor noisy, long[] t) {
        float[] gammas = new float[t.length];
        float[] sigmas = new float[t.length];
        for (int i = 0; i < t.length; i++) {
            gammas[i] = (float) table.gamma((int) t[i]);
            sigmas[i] = (float) table.sigma((int) t[i]);
        }
        Tensor gamma = Tensor.of(gammas, t.length, 1, 1, 1);
        Tensor sigma = Tensor.of(sigmas, t.length, 1, 1, 1);
        return switch (base.scheduler().predictionType()) {
            case EPSILON -> noisy.sub(said.mul(sigma)).div(gamma.clamp(1e-3, 1));
            case V_PREDICTION -> noisy.mul(gamma).sub(said.mul(sigma));
            case SAMPLE -> said;
        };
    }

    private static Tensor noise(long[] shape, long seed, int first) {
        List<Tensor> rows = new ArrayList<>();
        for (int i = 0; i < shape[0]; i++) {
            try (Rng rng = new Rng(Rng.mix(seed, first + i))) {
                rows.add(rng.normal(1, shape[1], shape[2], shape[3]));
            }
        }
        return Tensor.cat(rows, 0);
    }

    /** Pictures of one size as (N, 3, H, W) in [-1, 1]. */
    private static Tensor pixels(List<RgbImage> images) {
        int w = images.getFirst().width();
        int h = images.getFirst().height();
        int plane = w * h;
        float[] out = new float[images.size() * 3 * plane];
        for (int n = 0; n < images.size(); n++) {
            byte[] p = images.get(n).pixels();
            for (int i = 0; i < plane; i++) {
                for (int c = 0; c < 3; c++) {
                    out[(n * 3 + c) * plane + i] = (p[3 * i + c] & 255) / 127.5f - 1;
                }
            }
        }
        return Tensor.of(out, images.size(), 3, h, w);
    }

    private static List<RgbImage> images(Tensor x) {
        int n = Math.toIntExact(x.size(0));
        int h = Math.toIntExact(x.size(2));
        int w = Math.toIntExact(x.size(3));
        float[] values = x.toFloatArray();
        List<RgbImage> out = new ArrayList<>();
        for (int k = 0; k < n; k++) {
            byte[] p = new byte[3 * w * h];
            for (int i = 0; i < w * h; i++) {
                for (int c = 0; c < 3; c++) {
                    float v = values[(k * 3 + c) * w * h + i];
                    p[3 * i + c] = (byte) Math.clamp(Math.round((v + 1) * 127.5f), 0, 255);
                }
            }
            out.add(new RgbImage(w, h, p));
        }
        return out;
    }

    @Override
    public void close() {
        base.close();
    }
}
