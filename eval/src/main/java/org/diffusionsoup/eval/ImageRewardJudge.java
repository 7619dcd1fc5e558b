package org.diffusionsoup.eval;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.Picture;

/**
 * ImageReward: how much people would like a picture drawn for a prompt (Xu et al. 2023). Around 0,
 * a standard deviation about 1; higher is better.
 */
public final class ImageRewardJudge implements PictureScorer {
    /** Pictures per forward pass. */
    private static final int BATCH = 16;

    private final ImageReward.Loaded loaded;
    private final Judge judge;

    private ImageRewardJudge(Path path, ImageReward.Loaded loaded) {
        this.loaded = loaded;
        judge =
                new Judge(
                        "ImageReward " + Folders.name(path),
                        loaded.weightsSha256(),
                        String.format(
                                Locale.ROOT,
                                "reward less %.4f, over %.4f; prompts cut to %d tokens",
                                ImageReward.MEAN,
                                ImageReward.STD,
                                ImageReward.TOKENS));
    }

    /**
     * Loads the model.
     *
     * @param path the checkpoint or the folder it is in, see {@link ImageReward#load}
     */
    public static ImageRewardJudge load(Path path) {
        return new ImageRewardJudge(path, ImageReward.load(path));
    }

    @Override
    public Judge judge() {
        return judge;
    }

    @Override
    public boolean isCut(String caption) {
        return loaded.tokenizer().encode(caption).length > ImageReward.TOKENS;
    }

    @Override
    public double[] score(List<Picture> pictures, List<String> captions) {
        PictureScorer.requirePaired(pictures, captions);
        double[] out = new double[pictures.size()];
        ImageReward model = loaded.model();
        for (int from = 0; from < out.length; from += BATCH) {
            int to = Math.min(from + BATCH, out.length);
            PixelTensor pixels = model.pixels(pictures.subList(from, to));
            TokenRows texts = ImageReward.tokens(loaded.tokenizer(), captions.subList(from, to));
            float[] rewards;
            try (Torch.Guard off = Torch.gradients(false);
                    Scope scope = Scope.open()) {
                Tensor x = Tensor.of(pixels.values(), pixels.shape());
                rewards = model.forward(x, texts.idTensor(), texts.maskTensor()).toFloatArray();
            }
            for (int i = from; i < to; i++) {
                out[i] = requireFinite(rewards[i - from], captions.get(i));
            }
        }
        return out;
    }

    private double requireFinite(float reward, String caption) {
        if (!Float.isFinite(reward)) {
            throw new EvalException(
                    "%s gives a reward of %s for '%s'; its weights are damaged."
                            .formatted(judge.name(), reward, caption));
        }
        return reward;
    }

    @Override
    public void close() {
        loaded.model().parameters().close();
    }
}
