package org.diffusionsoup.workbench.pretrain;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.LatentSet;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.jspecify.annotations.Nullable;

/** The denoiser's objective on an endless stream of scenes; the text encoder learns with it. */
final class StreamedDenoisingObjective implements Objective, AutoCloseable {
    private static final int CHUNK = 32;

    private final UNet2DConditionModel unet;
    private final AutoencoderKL vae;
    private final ClipTextModel text;
    private final ClipTokenizer tokenizer;
    private final SchedulerConfig scheduler;
    private final StreamedScenes scenes;
    private final int batch;
    private final double captionDropout;
    private long pool = -1;
    private @Nullable Tensor latents;
    private @Nullable DenoisingObjective current;

    StreamedDenoisingObjective(
            UNet2DConditionModel unet,
            AutoencoderKL vae,
            ClipTextModel text,
            ClipTokenizer tokenizer,
            SchedulerConfig scheduler,
            StreamedScenes scenes,
            int batch,
            double captionDropout) {
        this.unet = unet;
        this.vae = vae;
        this.text = text;
        this.tokenizer = tokenizer;
        this.scheduler = scheduler;
        this.scenes = scenes;
        this.batch = batch;
        this.captionDropout = captionDropout;
    }

    @Override
    public int rows() {
        return scenes.size();
    }

    @Override
    public void begin(long at) {
        long wanted = scenes.poolOf(at, batch);
        if (wanted == pool) {
            return;
        }
        StreamedScenes.Pool fresh = scenes.pool(wanted);
        close();
        Tensor encoded = encode(fresh.pictures());
        latents = encoded;
        Map<String, Integer> index = new LinkedHashMap<>();
        index.put("", 0);
        int[][] captions = new int[scenes.size()][];
        for (int i = 0; i < captions.length; i++) {
            captions[i] =
                    new int[] {
                        index.computeIfAbsent(fresh.captions().get(i), unused -> index.size())
                    };
        }
        int[][] ids = index.keySet().stream().map(tokenizer::encode).toArray(int[][]::new);
        // The set's own embeddings are never asked for: captions are encoded anew in every step.
        current =
                new DenoisingObjective(
                        unet,
                        new LatentSet(encoded, encoded, captions, 0),
                        scheduler.table(),
                        scheduler.predictionType(),
                        captionDropout,
                        Optional.of(new DenoisingObjective.Texts(text, ids)));
        pool = wanted;
    }

    private Tensor encode(PictureSet pictures) {
        List<Tensor> parts = new ArrayList<>();
        try (Torch.Guard off = Torch.gradients(false)) {
            for (int from = 0; from < pictures.count(); from += CHUNK) {
                int[] rows = new int[Math.min(CHUNK, pictures.count() - from)];
                for (int i = 0; i < rows.length; i++) {
                    rows[i] = from + i;
                }
                try (Scope s = Scope.open()) {
                    parts.add(
                            vae.encode(pictures.batch(rows))
                                    .mean()
                                    .mul(vae.config().scalingFactor())
                                    .contiguous()
                                    .keep());
                }
            }
            try (Scope s = Scope.open()) {
                return Tensor.cat(parts, 0).keep();
            }
        } finally {
            parts.forEach(Tensor::release);
        }
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        if (current == null) {
            throw new IllegalStateException("begin comes before loss");
        }
        return current.loss(rows, rng, random);
    }

    @Override
    public void close() {
        if (latents != null) {
            latents.release();
            latents = null;
        }
    }
}
