package org.diffusionsoup.workbench.study;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.pipeline.Conditioning;
import org.diffusionsoup.diffusion.pipeline.NoisePredictor;
import org.diffusionsoup.diffusion.schedule.AncestralStep;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.SubjectChoice;
import org.diffusionsoup.workbench.generate.ModelNames;

/**
 * How far a soup is from a model that has not seen some rows, given their captions: KL of the
 * soup's trajectories of ancestral sampling from the other model's, by Girsanov. Both sample
 * without guidance; that the other has not seen the rows is the caller's word.
 */
public final class ModelNaf {
    private final Path soup;
    private final Path safe;
    private final Shard rows;
    private final Sampling sampling;

    /**
     * How trajectories are drawn.
     *
     * @param prompts captions of rows about different subjects, at least 2
     * @param trajectories per prompt, at least 1, in one batch
     * @param steps at least 2
     * @param seed of the choice of rows and of all noise
     */
    public record Sampling(int prompts, int trajectories, int steps, long seed) {
        /**
         * @throws SoupException naming the flag that is out of range
         */
        public Sampling {
            if (prompts < 2 || trajectories < 1 || steps < 2) {
                throw new SoupException(
                        "`prompts` and `steps` must be at least 2 and `trajectories` 1, not %d, %d and %d."
                                .formatted(prompts, steps, trajectories));
            }
        }
    }

    /**
     * @param soup folder of Stable Diffusion 1.x or 2.x in diffusers layout
     * @param safe one of the same base
     * @param shard whose captions are the prompts
     * @throws SoupException if a folder is no model, their text encoders differ, or there are too
     *     few rows
     */
    public ModelNaf(Path soup, Path safe, Shard shard, Sampling sampling) {
        DiffusersFolder.require(soup);
        LinearStudy.requireShared(soup, safe);
        this.soup = soup;
        this.safe = safe;
        this.rows = SubjectChoice.choose(shard, sampling.prompts(), sampling.seed());
        this.sampling = sampling;
    }

    NafResults.OfModels measure(Progress progress) {
        UNet2DConditionModel other = StableDiffusion.unet(safe.resolve("unet"));
        try (StableDiffusion model = StableDiffusion.load(soup)) {
            if (sampling.steps() > model.scheduler().table().size()) {
                throw new SoupException(
                        "`steps` %d is more than the %d timesteps that %s was trained with."
                                .formatted(
                                        sampling.steps(), model.scheduler().table().size(), soup));
            }
            progress.start("trajectories of " + ModelNames.of(soup), rows.size(), "prompts");
            List<NafResults.Prompt> prompts = new ArrayList<>();
            for (SampleInfo row : rows.infos()) {
                prompts.add(
                        new NafResults.Prompt(
                                row.key(), row.caption(), divergence(model, other, row)));
                progress.advance(1);
            }
            return new NafResults.OfModels(
                    ModelNames.of(soup),
                    ModelNames.of(safe),
                    rows.name(),
                    sampling.trajectories(),
                    sampling.steps(),
                    values(model),
                    Bootstrap.seeded(0)
                            .mean(prompts.stream().mapToDouble(NafResults.Prompt::path).toArray()),
                    prompts);
        } finally {
            other.parameters().close();
        }
    }

    private static long[] shape(StableDiffusion model, int count) {
        int side = model.unet().config().sampleSize();
        return new long[] {count, model.vae().config().latentChannels(), side, side};
    }

    private static long values(StableDiffusion model) {
        long values = 1;
        for (long size : shape(model, 1)) {
            values *= size;
        }
        return values;
    }

    private double divergence(StableDiffusion model, UNet2DConditionModel other, SampleInfo row) {
        long picture = Long.parseUnsignedLong(row.sha256().substring(0, 16), 16);
        try (Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open();
                Rng rng = new Rng(Rng.mix(sampling.seed(), picture))) {
            int n = sampling.trajectories();
            int[] ids = model.tokenizer().encode(row.caption());
            Tensor text = model.textEncoder().forward(Tensor.ofRows(ids)).lastHiddenState();
            Conditioning conditioning =
                    new Conditioning(
                            text.expand(n, text.size(1), text.size(2)).contiguous(),
                            Optional.empty());
            return divergence(
                    model,
                    List.of(NoisePredictor.of(model.unet()), NoisePredictor.of(other)),
                    conditioning,
                    rng);
        }
    }

    /**
     * @param denoisers the one that is sampled from, and the one that it is compared with
     */
    private double divergence(
            StableDiffusion model,
            List<NoisePredictor> denoisers,
            Conditioning conditioning,
            Rng rng) {
        NoiseTable table = model.scheduler().table();
        PredictionType type = model.scheduler().predictionType();
        int steps = sampling.steps();
        int n = sampling.trajectories();
        Tensor x = rng.normal(shape(model, n)).keep();
        double kl = 0;
        for (int i = steps - 1; i >= 0; i--) {
            int t = timestep(i, table.size());
            double before = i == 0 ? 1 : table.alphaCumprod(timestep(i - 1, table.size()));
            AncestralStep step = new AncestralStep(table.alphaCumprod(t), before);
            Tensor at = x;
            try (Scope scope = Scope.open()) {
                Tensor clean = clean(denoisers.get(0), type, table, at, t, conditioning);
                Tensor other = clean(denoisers.get(1), type, table, at, t, conditioning);
                kl += step.kl(clean.sub(other).toDouble().square().sum().item()) / n;
                x =
                        at.mul(step.scale())
                                .add(clean.mul(step.cleanScale()))
                                .add(rng.normal(shape(model, n)).mul(Math.sqrt(step.beta())))
                                .keep();
            } finally {
                at.release();
            }
        }
        x.release();
        return kl;
    }

    /** The i-th of as many timesteps as there are steps, at equal distances, up to the last. */
    private int timestep(int i, int size) {
        return (int) ((i + 1L) * size / sampling.steps()) - 1;
    }

    /** The clean samples that a denoiser implies. */
    private static Tensor clean(
            NoisePredictor denoiser,
            PredictionType type,
            NoiseTable table,
            Tensor x,
            int t,
            Conditioning conditioning) {
        Tensor prediction = denoiser.predict(x, t, conditioning).toFloat();
        return type.cleanSample(prediction, x, table.gamma(t), table.sigma(t));
    }
}
