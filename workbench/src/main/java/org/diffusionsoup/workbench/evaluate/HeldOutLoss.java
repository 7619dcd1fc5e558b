package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.diffusionsoup.workbench.train.EncodedRows;

/**
 * How well models predict what they were trained to predict, on pictures they were not trained on:
 * Eq. 3 of the paper without a gradient. Each picture is encoded by the model's own autoencoder,
 * noised several times and denoised once each, with its caption and without guidance.
 *
 * <p>Training draws timesteps and noise at random; two models are told apart far better when both
 * get the same. Draw j of K of a picture takes its timestep from the j-th of K equal parts of the
 * range, and timestep and noise depend on the seed, the picture's SHA-256 and j alone: not on the
 * model, the other pictures or their order. Pictures go through the model one by one, so a picture
 * has the same loss to the bit whatever stands beside it.
 */
public final class HeldOutLoss {
    /** Draws per picture unless told otherwise. */
    public static final int DRAWS = 8;

    /** Positions of latents denoised together, and draws at most; fixed, so that numbers repeat. */
    private static final long POSITIONS_AT_ONCE = 16_384;

    private static final int DRAWS_AT_ONCE = 8;

    /** Pictures after which the time of all is estimated; the very first takes longer. */
    private static final int PROBED = 3;

    private final Shard shard;
    private final List<SampleInfo> rows;
    private final int draws;
    private final long seed;
    private final boolean mayBeLong;

    /**
     * One noising of one picture.
     *
     * @param timestep from 0
     * @param noiseSeed seed of the {@link Rng} that the noise is drawn from
     */
    record Draw(long timestep, long noiseSeed) {
        /**
         * Draw {@code j} of {@code draws} of a picture.
         *
         * @param sha256 of the picture's file, 64 hexadecimal digits
         */
        static Draw of(long seed, String sha256, int j, int draws, int timesteps) {
            long picture = Long.parseUnsignedLong(sha256.substring(0, 16), 16);
            long own = Rng.mix(Rng.mix(seed, picture), j);
            double at = (j + new SplittableRandom(own).nextDouble()) / draws;
            return new Draw(Math.min(timesteps - 1, (long) (at * timesteps)), own);
        }
    }

    /**
     * What is measured.
     *
     * @param shard the pictures, at least two
     * @param draws noisings per picture, at least 1
     * @param seed of timesteps and noise
     * @param mayBeLong whether to go on where the work is estimated at more than two hours
     * @throws SoupException if there are too few pictures or draws
     */
    public HeldOutLoss(Shard shard, int draws, long seed, boolean mayBeLong) {
        if (shard.size() < 2) {
            throw new SoupException(
                    "A loss with its interval needs at least two pictures, and %s has %d."
                            .formatted(shard.name(), shard.size()));
        }
        if (draws < 1) {
            throw new SoupException("`draws` must be at least 1, not " + draws + ".");
        }
        this.shard = shard;
        this.rows = shard.infos();
        this.draws = draws;
        this.seed = seed;
        this.mayBeLong = mayBeLong;
    }

    /**
     * Measures models, one in memory at a time, and compares them with the first.
     *
     * @param models folders of Stable Diffusion 1.x or 2.x in diffusers layout, at least one
     * @throws SoupException if one is no such model, or a picture does not suit it
     */
    public LossTable compare(List<Path> models, Bootstrap bootstrap, Progress progress) {
        models.forEach(StableDiffusion::require); // before the first one's minutes of work
        List<String> names = ModelNames.of(models);
        List<ModelLoss> losses = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            try (StableDiffusion model = StableDiffusion.load(models.get(i))) {
                losses.add(of(names.get(i), model, progress));
            }
        }
        return LossTable.of(losses, bootstrap);
    }

    /** Measures one model. */
    ModelLoss of(String name, StableDiffusion model, Progress progress) {
        NoiseTable table = model.scheduler().table();
        PredictionType target = model.scheduler().predictionType();
        progress.start("loss of " + name, shard.size(), "images");
        double[] own = new double[shard.size()];
        double[] noise = new double[shard.size()];
        double[] byTimestep = new double[draws];
        int otherSizes = 0;
        long start = System.nanoTime();
        for (int i = 0; i < own.length; i++) {
            if (i == 1) {
                start = System.nanoTime();
            }
            checkTime(name, i, start);
            Draw[] ofPicture = drawsOf(rows.get(i), table.size());
            Errors errors = errors(model, i, ofPicture);
            for (int j = 0; j < draws; j++) {
                int t = (int) ofPicture[j].timestep();
                double factor = target.noiseErrorFactor(table.gamma(t), table.sigma(t));
                double error = errors.perDraw()[j];
                own[i] += error / draws;
                noise[i] += factor * factor * error / draws;
                byTimestep[j] += error / own.length;
            }
            if (!Double.isFinite(own[i])) {
                throw new SoupException(
                        "The loss of %s on picture %s is %s; look for infinite weights with 'soup verify'."
                                .formatted(name, rows.get(i).key(), own[i]));
            }
            otherSizes += errors.otherSize() ? 1 : 0;
            progress.advance(1);
        }
        Path folder = model.folder();
        String vae =
                WeightsHash.of(folder.resolve("vae").resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
        return new ModelLoss(
                name,
                WeightsHash.of(folder.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS)),
                vae + " × " + model.vae().config().scalingFactor(),
                boxed(table.alphasCumprod()),
                target,
                boxed(own),
                boxed(noise),
                boxed(byTimestep),
                notes(name, model, otherSizes));
    }

    /**
     * A picture's errors.
     *
     * @param perDraw mean squared error per value of the model's prediction, one per draw
     * @param otherSize whether the picture is of another size than the model draws
     */
    private record Errors(double[] perDraw, boolean otherSize) {}

    private static List<Double> boxed(double[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    private Draw[] drawsOf(SampleInfo row, int timesteps) {
        Draw[] all = new Draw[draws];
        Arrays.setAll(all, j -> Draw.of(seed, row.sha256(), j, draws, timesteps));
        return all;
    }

    private Errors errors(StableDiffusion model, int row, Draw[] of) {
        double[] errors = new double[of.length];
        Tensor clean = EncodedRows.latents(model, shard, row, 1);
        try (Torch.Guard off = Torch.gradients(false);
                Scope picture = Scope.open()) {
            int[] ids = model.tokenizer().encode(rows.get(row).caption());
            Tensor context = model.textEncoder().forward(Tensor.ofRows(ids)).lastHiddenState();
            long positions = clean.size(2) * clean.size(3);
            int most = Math.clamp(POSITIONS_AT_ONCE / positions, 1, DRAWS_AT_ONCE);
            for (int from = 0; from < of.length; from += most) {
                Draw[] some = Arrays.copyOfRange(of, from, Math.min(of.length, from + most));
                float[] e = errors(model, clean, context, some);
                for (int j = 0; j < e.length; j++) {
                    errors[from + j] = e[j];
                }
            }
            int side = model.unet().config().sampleSize();
            return new Errors(errors, clean.size(2) != side || clean.size(3) != side);
        } finally {
            clean.release();
        }
    }

    private static float[] errors(
            StableDiffusion model, Tensor clean, Tensor context, Draw[] some) {
        NoiseTable table = model.scheduler().table();
        int n = some.length;
        long[] t = Arrays.stream(some).mapToLong(Draw::timestep).toArray();
        try (Scope pass = Scope.open()) {
            Tensor x0 = clean.expand(n, clean.size(1), clean.size(2), clean.size(3));
            Tensor eps = noise(clean.shape(), some);
            Tensor said =
                    model.unet()
                            .forward(
                                    table.addNoise(x0, eps, t),
                                    Tensor.of(t, n),
                                    context.expand(n, context.size(1), context.size(2))
                                            .contiguous());
            Tensor target = model.scheduler().predictionType().target(table, x0, eps, t);
            return said.toFloat()
                    .sub(target)
                    .toDouble()
                    .square()
                    .mean(false, 1, 2, 3)
                    .toFloat()
                    .toFloatArray();
        }
    }

    private static Tensor noise(long[] shape, Draw[] some) {
        List<Tensor> each = new ArrayList<>();
        for (Draw draw : some) {
            try (Rng rng = new Rng(draw.noiseSeed())) {
                each.add(rng.normal(shape));
            }
        }
        return Tensor.cat(each, 0);
    }

    private void checkTime(String name, int done, long start) {
        if (done != PROBED || mayBeLong) {
            return;
        }
        double each = (System.nanoTime() - start) / 1e9 / (PROBED - 1);
        double hours = each * shard.size() / 3600;
        if (hours > GenerateSettings.LONG_HOURS) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %d draws with %s take about %,.0f hours here; take fewer with `subjects` or `draws`, or add `yes` if that is meant.",
                            shard.size(),
                            draws,
                            name,
                            hours));
        }
    }

    private List<String> notes(String name, StableDiffusion model, int otherSizes) {
        List<String> notes = new ArrayList<>();
        if (otherSizes > 0) {
            int side = model.unet().config().sampleSize() * model.vae().config().downFactor();
            notes.add(
                    "%d of %s %s not %d×%d pixels, the size %s was trained on: the loss there is that of another size than it draws."
                            .formatted(
                                    otherSizes,
                                    Plural.of(shard.size(), "picture"),
                                    otherSizes == 1 ? "is" : "are",
                                    side,
                                    side,
                                    name));
        }
        int cut = EncodedRows.cut(model, rows.stream()).size();
        if (cut > 0) {
            notes.add(
                    "%d of %s %s cut to the %d tokens that %s reads."
                            .formatted(
                                    cut,
                                    Plural.of(shard.size(), "caption"),
                                    cut == 1 ? "is" : "are",
                                    model.tokenizer().modelMaxLength(),
                                    name));
        }
        return notes;
    }
}
