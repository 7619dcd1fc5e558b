package org.diffusionsoup.diffusion.train;

import java.util.List;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * CLIP's symmetric contrastive loss (Radford et al. 2021): each picture should pick its caption out
 * of the batch's captions, and each caption its picture.
 */
public final class ClipObjective implements Objective {
    private final ClipModel clip;
    private final PictureSet pictures;
    private final List<int[][]> captions;
    private final float[] mean;
    private final float[] std;

    /**
     * @param captions per picture, one or more token id sequences of equal length; each time one is
     *     drawn
     * @param mean per channel, of pixels in [0, 1], as the CLIP's preprocessor subtracts it
     * @param std per channel, as the CLIP's preprocessor divides by it
     */
    public ClipObjective(
            ClipModel clip,
            PictureSet pictures,
            List<int[][]> captions,
            float[] mean,
            float[] std) {
        this.clip = clip;
        this.pictures = pictures;
        this.captions = captions;
        this.mean = mean.clone();
        this.std = std.clone();
    }

    @Override
    public int rows() {
        return pictures.count();
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        int n = rows.length;
        int[][] ids = new int[n][];
        for (int i = 0; i < n; i++) {
            int[][] own = captions.get(rows[i]);
            ids[i] = own[random.nextInt(own.length)];
        }
        Tensor x = jitter(pictures.batch(rows, i -> random.nextBoolean()), rng, random);
        Tensor image = ClipModel.normalise(clip.imageFeatures(x).toFloat());
        Tensor text = ClipModel.normalise(clip.textFeatures(Tensor.ofRows(ids)).toFloat());
        Tensor scale = clip.scale().clamp(1, 100);
        Tensor logits = image.matmul(text.transpose(0, 1)).toFloat().mul(scale); // (N, N)
        Tensor diagonal = Tensor.arange(n);
        return Functional.crossEntropy(logits, diagonal)
                .add(Functional.crossEntropy(logits.transpose(0, 1), diagonal))
                .mul(0.5);
    }

    /** Small shifts and noise, then the preprocessor's normalisation: (N, 3, H, W). */
    private Tensor jitter(Tensor x, Rng rng, RandomGenerator random) {
        int max = pictures.width() / 16;
        int dx = random.nextInt(2 * max + 1);
        int dy = random.nextInt(2 * max + 1);
        // White margins go in where the picture moves away from: shift "blackness", not pixels.
        Tensor ink = Functional.pad(x.add(-1.0), max, max, max, max);
        Tensor moved =
                ink.narrow(2, dy, pictures.height()).narrow(3, dx, pictures.width()).add(1.0);
        Tensor noisy = moved.add(rng.normal(moved.shape()).mul(0.1 * random.nextDouble()));
        Tensor m = Tensor.of(mean, 1, 3, 1, 1);
        Tensor s = Tensor.of(std, 1, 3, 1, 1);
        return noisy.add(1.0).mul(0.5).sub(m).div(s);
    }
}
