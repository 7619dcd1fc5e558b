package org.diffusionsoup.workbench.study;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.EncodedRows;

/**
 * Latents of real rows, noised once at each of some timesteps, with their captions' embeddings:
 * where predictions are compared. The noise depends on the seed, the picture's SHA-256 and the
 * timestep alone.
 */
final class NoisedRows implements AutoCloseable {
    private final List<Row> rows = new ArrayList<>();
    private final long[] timesteps;
    private final double[] factors;

    /** Latents (timesteps, C, h, w) and text embeddings (timesteps, tokens, width) of a row. */
    private record Row(Tensor noised, Tensor text) {}

    /**
     * @param model whose autoencoder and text encoder are used
     * @param timesteps in the model's range
     */
    NoisedRows(StableDiffusion model, Shard shard, long[] timesteps, long seed, Progress progress) {
        this.timesteps = timesteps.clone();
        NoiseTable table = model.scheduler().table();
        PredictionType type = model.scheduler().predictionType();
        factors =
                Arrays.stream(timesteps)
                        .mapToDouble(t ->
                                type.noiseErrorFactor(table.gamma((int) t), table.sigma((int) t)))
                        .toArray();
        progress.start("encode pictures", shard.size(), "images");
        List<SampleInfo> infos = shard.infos();
        for (int i = 0; i < infos.size(); i++) {
            rows.add(row(model, shard, i, infos.get(i), seed));
            progress.advance(1);
        }
    }

    private Row row(StableDiffusion model, Shard shard, int index, SampleInfo info, long seed) {
        Tensor clean = EncodedRows.latents(model, shard, index, 1);
        long picture = Long.parseUnsignedLong(info.sha256().substring(0, 16), 16);
        try (Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            List<Tensor> noise = new ArrayList<>();
            for (long t : timesteps) {
                try (Rng rng = new Rng(Rng.mix(Rng.mix(seed, picture), t))) {
                    noise.add(rng.normal(clean.shape()));
                }
            }
            int n = timesteps.length;
            Tensor x0 = clean.expand(n, clean.size(1), clean.size(2), clean.size(3));
            Tensor noised = model.scheduler().table().addNoise(x0, Tensor.cat(noise, 0), timesteps);
            int[] ids = model.tokenizer().encode(info.caption());
            Tensor text = model.textEncoder().forward(Tensor.ofRows(ids)).lastHiddenState();
            return new Row(
                    noised.contiguous().keep(),
                    text.expand(n, text.size(1), text.size(2)).contiguous().keep());
        } finally {
            clean.release();
        }
    }

    int rows() {
        return rows.size();
    }

    /** Values of one prediction. */
    int values() {
        return Math.toIntExact(rows.getFirst().noised().elements() / timesteps.length);
    }

    /**
     * How many times as large a difference in noise ε is as one in what the model predicts, one per
     * timestep.
     */
    double[] factors() {
        return factors.clone();
    }

    /**
     * What a UNet predicts.
     *
     * @return [row][timestep × values], in the UNet's own target
     */
    float[][] predict(UNet2DConditionModel unet) {
        float[][] out = new float[rows.size()][];
        for (int i = 0; i < out.length; i++) {
            try (Torch.Guard off = Torch.gradients(false);
                    Scope scope = Scope.open()) {
                Row row = rows.get(i);
                Tensor t = Tensor.of(timesteps, timesteps.length);
                out[i] =
                        unet.forward(row.noised(), t, row.text())
                                .toFloat()
                                .contiguous()
                                .toFloatArray();
            }
        }
        return out;
    }

    @Override
    public void close() {
        for (Row row : rows) {
            row.noised().release();
            row.text().release();
        }
    }
}
