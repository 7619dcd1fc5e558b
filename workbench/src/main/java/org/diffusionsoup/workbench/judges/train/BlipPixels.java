package org.diffusionsoup.workbench.judges.train;

import java.util.List;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.image.PreprocessorConfig;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.RgbImage;

/** Pictures as BLIP's image encoder takes them, varied a little for training. */
final class BlipPixels {
    private final Augmenter augmenter;
    private final float[] mean;
    private final float[] std;

    BlipPixels(Augmenter augmenter) {
        this.augmenter = augmenter;
        PreprocessorConfig config = PreprocessorConfig.clip(augmenter.side());
        mean = floats(config.mean());
        std = floats(config.std());
    }

    /** Pictures that are not varied. */
    static BlipPixels asTheyAre(int side) {
        return new BlipPixels(new Augmenter(side, 0, 0));
    }

    private static float[] floats(List<Double> values) {
        float[] out = new float[values.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = values.get(i).floatValue();
        }
        return out;
    }

    /** (N, 3, side, side), normalised as the published preprocessing does it. */
    Tensor batch(List<RgbImage> images, RandomGenerator random) {
        int side = augmenter.side();
        int n = images.size();
        float[] values = new float[n * 3 * side * side];
        for (int i = 0; i < n; i++) {
            augmenter.into(values, i * 3 * side * side, images.get(i), random);
        }
        Tensor x = Tensor.of(values, n, 3, side, side);
        return x.add(1.0).mul(0.5).sub(Tensor.of(mean, 1, 3, 1, 1)).div(Tensor.of(std, 1, 3, 1, 1));
    }
}
