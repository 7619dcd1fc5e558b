package org.diffusionsoup.workbench.pretrain;

import java.util.random.RandomGenerator;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.train.VaeObjective;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.workbench.RowPools;
import org.jspecify.annotations.Nullable;

/** The autoencoder's objective on an endless stream of pictures. */
final class StreamedVaeObjective implements Objective {
    private final AutoencoderKL vae;
    private final RowPools<SceneStream.Row> scenes;
    private final int batch;
    private final double klWeight;
    private final double edgeWeight;
    private long pool = -1;
    private @Nullable VaeObjective current;

    StreamedVaeObjective(
            AutoencoderKL vae,
            RowPools<SceneStream.Row> scenes,
            int batch,
            double klWeight,
            double edgeWeight) {
        this.vae = vae;
        this.scenes = scenes;
        this.batch = batch;
        this.klWeight = klWeight;
        this.edgeWeight = edgeWeight;
    }

    @Override
    public int rows() {
        return scenes.size();
    }

    @Override
    public void begin(long at) {
        long wanted = scenes.poolOf(at, batch);
        if (wanted != pool) {
            PictureSet pictures = StreamedScenes.pictures(scenes.pool(wanted));
            current = new VaeObjective(vae, pictures, klWeight, edgeWeight);
            pool = wanted;
        }
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        if (current == null) {
            throw new IllegalStateException("begin comes before loss");
        }
        return current.loss(rows, rng, random);
    }
}
