package org.diffusionsoup.diffusion.train;

import java.util.Optional;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.jspecify.annotations.Nullable;

/**
 * Eq. 3 of the paper on latents: the UNet predicts, from a noised latent x_t, its timestep and its
 * caption, the noise that was added (or the velocity, Salimans and Ho 2022).
 */
public final class DenoisingObjective implements Objective {
    private final UNet2DConditionModel unet;
    private final LatentSet data;
    private final NoiseTable noise;
    private final PredictionType type;
    private final double captionDropout;
    private final @Nullable Texts texts;
    private final int draws;
    private final DenoisingLoss loss;

    /**
     * Captions that are encoded anew in every step, so that the text encoder learns, too.
     *
     * @param encoder the text encoder in training
     * @param ids token ids of every caption of the latent set, in its order, each of one length
     */
    public record Texts(ClipTextModel encoder, int[][] ids) {
        public Texts {
            ids = ids.clone();
        }

        Tensor encode(long[] captions) {
            int[][] some = new int[captions.length][];
            for (int i = 0; i < some.length; i++) {
                some[i] = ids[(int) captions[i]];
            }
            return encoder.forward(Tensor.ofRows(some)).lastHiddenState();
        }
    }

    /**
     * @param noise the forward process, γ_t and σ_t per timestep
     * @param type what the UNet predicts
     * @param captionDropout share of rows trained without their caption, for guidance
     */
    public DenoisingObjective(
            UNet2DConditionModel unet,
            LatentSet data,
            NoiseTable noise,
            PredictionType type,
            double captionDropout) {
        this(unet, data, noise, type, captionDropout, DenoisingLoss.PLAIN, Optional.empty(), 1);
    }

    /**
     * As above, with a loss of another kind.
     *
     * @param loss weights of timesteps and kind of noise
     */
    public DenoisingObjective(
            UNet2DConditionModel unet,
            LatentSet data,
            NoiseTable noise,
            PredictionType type,
            double captionDropout,
            DenoisingLoss loss) {
        this(unet, data, noise, type, captionDropout, loss, Optional.empty(), 1);
    }

    /**
     * As above, with the text encoder in training beside the UNet.
     *
     * @param texts encodes the captions in every step; when empty, the set's own embeddings are
     *     used
     * @param draws timesteps drawn for a row, of which the noisiest is taken: 1 is the usual
     *     uniform choice; 2 has the density 2t/T², more where nothing but the caption says what
     *     there is to see
     */
    public DenoisingObjective(
            UNet2DConditionModel unet,
            LatentSet data,
            NoiseTable noise,
            PredictionType type,
            double captionDropout,
            Optional<Texts> texts,
            int draws) {
        this(unet, data, noise, type, captionDropout, DenoisingLoss.PLAIN, texts, draws);
    }

    private DenoisingObjective(
            UNet2DConditionModel unet,
            LatentSet data,
            NoiseTable noise,
            PredictionType type,
            double captionDropout,
            DenoisingLoss loss,
            Optional<Texts> texts,
            int draws) {
        this.loss = loss;
        this.draws = draws;
        this.texts = texts.orElse(null);
        this.unet = unet;
        this.data = data;
        this.noise = noise;
        this.type = type;
        this.captionDropout = captionDropout;
    }

    @Override
    public int rows() {
        return data.rows();
    }

    @Override
    public Optional<int[]> buckets() {
        return data.buckets();
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        int n = rows.length;
        long[] t = new long[n];
        long[] text = new long[n];
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < draws; k++) {
                t[i] = Math.max(t[i], random.nextInt(noise.size()));
            }
            int[] own = data.captionsOf(rows[i]);
            int caption = own[random.nextInt(own.length)];
            text[i] = random.nextDouble() < captionDropout ? data.emptyCaption() : caption;
        }
        Tensor x0 = data.latents(rows); // (N, C, h, w), scaled
        Tensor eps = loss.noise(rng, x0.shape());
        Tensor xt = noise.addNoise(x0, eps, t);
        Tensor target = type.target(noise, x0, eps, t);
        Tensor context = texts == null ? data.text(text) : texts.encode(text);
        Tensor out = data.predict(unet, xt, Tensor.of(t, n), context, rows, text);
        return loss.of(out.toFloat(), target, noise, type, t);
    }
}
