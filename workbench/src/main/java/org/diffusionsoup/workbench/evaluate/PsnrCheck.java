package org.diffusionsoup.workbench.evaluate;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.EncodedRows;

/**
 * How well an autoencoder gives pictures back: the mean of the encoder's distribution, decoded and
 * clamped, against the original, pixels in [0, 1].
 *
 * @param pictures how many were compared
 * @param meanPsnr mean over pictures of each one's PSNR, in dB
 * @param psnrOfMeanMse PSNR of the mean squared error over all pictures, in dB; never above {@code
 *     meanPsnr}
 * @param worstPsnr the lowest of any picture, in dB
 */
public record PsnrCheck(int pictures, double meanPsnr, double psnrOfMeanMse, double worstPsnr) {
    private static final int CHUNK = 32;

    /** Squared errors below this count as it, so that a perfect picture has 120 dB. */
    private static final double LEAST_MSE = 1e-12;

    /**
     * Measures all rows of a shard.
     *
     * @throws SoupException if it has no rows, or the pictures' sides do not suit the autoencoder
     */
    public static PsnrCheck measure(AutoencoderKL vae, Shard shard, Progress progress) {
        if (shard.size() == 0) {
            throw new SoupException("shard " + shard.name() + " has no rows to reconstruct.");
        }
        progress.start("reconstruct " + shard.name(), shard.size(), "images");
        List<Double> errors = new ArrayList<>();
        for (int from = 0; from < shard.size(); from += CHUNK) {
            int count = Math.min(CHUNK, shard.size() - from);
            PictureSet pictures = EncodedRows.pictures(shard, from, count);
            requireFit(vae, shard, pictures);
            try (Torch.Guard off = Torch.gradients(false);
                    Scope scope = Scope.open()) {
                Tensor pixels = pictures.batch(IntStream.range(0, count).toArray());
                Tensor back = vae.decode(vae.encode(pixels).mean()).toFloat().clamp(-1, 1);
                // Half the distance in [-1, 1] is the distance in [0, 1].
                Tensor mse =
                        back.sub(pixels).div(2).toDouble().square().mean(false, 1, 2, 3).toFloat();
                for (float e : mse.toFloatArray()) {
                    errors.add((double) e);
                }
            }
            progress.advance(count);
        }
        return of(errors);
    }

    /**
     * From mean squared errors.
     *
     * @param errors one per picture, pixels in [0, 1]
     */
    static PsnrCheck of(List<Double> errors) {
        double mean = errors.stream().mapToDouble(e -> e).average().orElseThrow();
        double worst = errors.stream().mapToDouble(e -> e).max().orElseThrow();
        double meanPsnr = errors.stream().mapToDouble(PsnrCheck::psnr).average().orElseThrow();
        return new PsnrCheck(errors.size(), meanPsnr, psnr(mean), psnr(worst));
    }

    private static double psnr(double mse) {
        return -10 * Math.log10(Math.max(mse, LEAST_MSE));
    }

    private static void requireFit(AutoencoderKL vae, Shard shard, PictureSet pictures) {
        int factor = vae.config().downFactor();
        if (pictures.width() % factor != 0 || pictures.height() % factor != 0) {
            throw new SoupException(
                    "the pictures of shard %s are %d×%d; this autoencoder needs sides divisible by %d."
                            .formatted(shard.name(), pictures.width(), pictures.height(), factor));
        }
    }
}
