package org.diffusionsoup.workbench.pretrain;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.LatentSet;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.train.EncodedRows;
import org.jspecify.annotations.Nullable;

/** The denoiser's objective on an endless stream of scenes; the text encoder learns with it. */
final class StreamedDenoisingObjective implements Objective, AutoCloseable {
    private final UNet2DConditionModel unet;
    private final AutoencoderKL vae;
    private final ClipTextModel text;
    private final ClipTokenizer tokenizer;
    private final SchedulerConfig scheduler;
    private final RowPools<SceneStream.Row> scenes;
    private final int batch;
    private final double captionDropout;
    private final int draws;
    private long pool = -1;
    private @Nullable Tensor latents;
    private @Nullable DenoisingObjective current;

    StreamedDenoisingObjective(
            UNet2DConditionModel unet,
            AutoencoderKL vae,
            ClipTextModel text,
            ClipTokenizer tokenizer,
            SchedulerConfig scheduler,
            RowPools<SceneStream.Row> scenes,
            int batch,
            double captionDropout,
            int draws) {
        this.draws = draws;
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
        List<SceneStream.Row> fresh = scenes.pool(wanted);
        close();
        Tensor encoded = EncodedRows.latents(vae, StreamedScenes.pictures(fresh));
        latents = encoded;
        Map<String, Integer> index = new LinkedHashMap<>();
        index.put("", 0);
        int[][] captions = new int[scenes.size()][];
        for (int i = 0; i < captions.length; i++) {
            captions[i] =
                    new int[] {
                        index.computeIfAbsent(fresh.get(i).caption(), unused -> index.size())
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
                        Optional.of(new DenoisingObjective.Texts(text, ids)),
                        draws);
        pool = wanted;
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
