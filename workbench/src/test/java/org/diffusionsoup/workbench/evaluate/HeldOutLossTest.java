package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The denoising loss on tiny pipelines with random weights. */
class HeldOutLossTest {
    private static final Path PIPELINES =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference/pipelines");
    private static final int SIDE = 64;
    private static final Bootstrap BOOTSTRAP = Bootstrap.seeded(0);

    @TempDir private Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static RgbImage image(int number) {
        byte[] pixels = new byte[3 * SIDE * SIDE];
        new java.util.Random(number).nextBytes(pixels);
        return new RgbImage(SIDE, SIDE, pixels);
    }

    /** A shard of numbered pictures, each with its own caption, keyed in the order given. */
    private Shard shard(String name, int... numbers) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < numbers.length; i++) {
            byte[] png = PngCodec.encode(image(numbers[i]));
            SampleInfo info =
                    new SampleInfo(
                            "row%03d".formatted(i),
                            "a small picture number " + numbers[i],
                            "",
                            "",
                            "",
                            "test",
                            "CC0-1.0",
                            "",
                            "",
                            "other",
                            "heldout",
                            Hashes.sha256Hex(png));
            samples.add(new Sample(info, png));
        }
        Path tar = temp.resolve(name + ".tar");
        ShardWriter.write(tar, samples);
        return Shard.open(tar);
    }

    private static ModelLoss measure(Shard shard, String pipeline, int draws, long seed) {
        try (StableDiffusion model = StableDiffusion.load(PIPELINES.resolve(pipeline))) {
            return new HeldOutLoss(shard, draws, seed, false)
                    .of(pipeline, model, Progress.silent());
        }
    }

    /** One picture's losses of its own target and of the noise, number by number. */
    private static double[] byHand(StableDiffusion model, int number, int draws, long seed) {
        RgbImage image = image(number);
        long picture =
                Long.parseUnsignedLong(
                        Hashes.sha256Hex(PngCodec.encode(image)).substring(0, 16), 16);
        boolean velocity = model.scheduler().predictionType() == PredictionType.V_PREDICTION;
        double own = 0;
        double noise = 0;
        try (Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            float[] x = new float[3 * SIDE * SIDE];
            for (int p = 0; p < SIDE * SIDE; p++) {
                for (int c = 0; c < 3; c++) {
                    x[c * SIDE * SIDE + p] = (image.pixels()[3 * p + c] & 255) / 127.5f - 1;
                }
            }
            Tensor mean = model.vae().encode(Tensor.of(x, 1, 3, SIDE, SIDE)).mean();
            long[] shape = mean.shape();
            float[] x0 = mean.contiguous().toFloatArray();
            int[] ids = model.tokenizer().encode("a small picture number " + number);
            Tensor context = model.textEncoder().forward(Tensor.ofRows(ids)).lastHiddenState();
            for (int j = 0; j < draws; j++) {
                long drawSeed = Rng.mix(Rng.mix(seed, picture), j);
                double u = new SplittableRandom(drawSeed).nextDouble();
                int t = (int) Math.floor((j + u) / draws * 1000);
                double gamma = Math.sqrt(model.scheduler().table().alphaCumprod(t));
                double sigma = Math.sqrt(1 - gamma * gamma);
                float[] eps;
                try (Rng rng = new Rng(drawSeed)) {
                    eps = rng.normal(shape).toFloatArray();
                }
                float[] xt = new float[eps.length];
                double scaling = model.vae().config().scalingFactor();
                for (int i = 0; i < xt.length; i++) {
                    xt[i] = (float) (gamma * scaling * x0[i] + sigma * eps[i]);
                }
                float[] said =
                        model.unet()
                                .forward(
                                        Tensor.of(xt, shape), Tensor.of(new long[] {t}, 1), context)
                                .contiguous()
                                .toFloatArray();
                for (int i = 0; i < xt.length; i++) {
                    double v = gamma * eps[i] - sigma * scaling * x0[i];
                    double impliedNoise = velocity ? gamma * said[i] + sigma * xt[i] : said[i];
                    own += Math.pow(said[i] - (velocity ? v : eps[i]), 2) / xt.length / draws;
                    noise += Math.pow(impliedNoise - eps[i], 2) / xt.length / draws;
                }
            }
        }
        return new double[] {own, noise};
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-sd15", "tiny-sd21"})
    void theLossIsTheMeanSquaredErrorOfThePrediction(String pipeline) {
        // Five draws of 16×16 positions: more than one picture, one pass each.
        ModelLoss loss = measure(shard("two", 1, 2), pipeline, 5, 7);
        assertThat(loss.target())
                .isEqualTo(
                        pipeline.equals("tiny-sd15")
                                ? PredictionType.EPSILON
                                : PredictionType.V_PREDICTION);
        try (StableDiffusion model = StableDiffusion.load(PIPELINES.resolve(pipeline))) {
            for (int i = 0; i < 2; i++) {
                double[] expected = byHand(model, i + 1, 5, 7);
                assertThat(loss.own().get(i)).isCloseTo(expected[0], within(1e-4 * expected[0]));
                assertThat(loss.noise().get(i)).isCloseTo(expected[1], within(1e-4 * expected[1]));
            }
        }
        // The same errors, summed the other way.
        assertThat(mean(loss.byTimestep())).isCloseTo(mean(loss.own()), within(1e-9));
        assertThat(loss.byTimestep()).hasSize(5);
        assertThat(loss.notes()).isEmpty();
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(v -> v).average().orElseThrow();
    }

    @Test
    void aPictureHasTheSameLossWhateverStandsBesideIt() {
        ModelLoss forward = measure(shard("forward", 1, 2, 3), "tiny-sd15", 10, 0);
        ModelLoss other = measure(shard("other", 3, 9, 2, 1), "tiny-sd15", 10, 0);
        assertThat(List.of(other.own().get(3), other.own().get(2), other.own().getFirst()))
                .isEqualTo(forward.own());
        assertThat(measure(shard("again", 1, 2, 3), "tiny-sd15", 10, 1).own())
                .doesNotContainAnyElementsOf(forward.own());
    }

    @Test
    void drawsAreStratifiedAndDependOnSeedPictureAndNumberAlone() {
        Set<Long> seeds = new HashSet<>();
        for (int p = 0; p < 200; p++) {
            String sha256 = Hashes.sha256Hex(new byte[] {(byte) p});
            for (int j = 0; j < 8; j++) {
                HeldOutLoss.Draw draw = HeldOutLoss.Draw.of(3, sha256, j, 8, 1000);
                assertThat(draw.timestep()).isBetween(125L * j, 125L * j + 124);
                assertThat(draw).isEqualTo(HeldOutLoss.Draw.of(3, sha256, j, 8, 1000));
                seeds.add(draw.noiseSeed());
            }
        }
        assertThat(seeds).hasSize(200 * 8);
        String one = Hashes.sha256Hex(new byte[] {1});
        assertThat(HeldOutLoss.Draw.of(3, one, 0, 1, 1000))
                .isNotEqualTo(HeldOutLoss.Draw.of(4, one, 0, 1, 1000));
        for (int j = 0; j < 50; j++) { // more draws than timesteps
            assertThat(HeldOutLoss.Draw.of(3, one, j, 50, 10).timestep()).isEqualTo(j / 5);
        }
    }

    @Test
    void theDifferenceIsPairedByPicture() {
        Shard shard = shard("pictures", 1, 2, 3, 4);
        ModelLoss first = measure(shard, "tiny-sd15", 4, 0);
        // Better on every picture by almost the same, while pictures differ far more.
        ModelLoss better = shifted(first, "better", new double[] {-.011, -.01, -.012, -.01});
        LossTable table = LossTable.of(List.of(first, better), BOOTSTRAP);
        LossTable.Row row = table.rows().get(1);
        LossTable.Difference d = row.toFirst().orElseThrow();
        assertThat(d.in()).isEqualTo(PredictionType.EPSILON);
        assertThat(d.interval().estimate()).isCloseTo(-.01075, within(1e-9));
        assertThat(d.interval().low()).isBetween(-.0121, -.0107);
        assertThat(d.interval().high()).isBetween(-.0108, -.0099);
        assertThat(row.own().overlaps(table.rows().getFirst().own())).isTrue();
        assertThat(table.best()).contains("better");
        assertThat(table.rows().getFirst().toFirst()).isEmpty();

        LossTable same =
                LossTable.of(List.of(first, shifted(first, "copy", new double[4])), BOOTSTRAP);
        assertThat(same.rows().get(1).toFirst().orElseThrow().interval().halfWidth()).isZero();
        assertThat(same.best()).isEmpty();
    }

    private static ModelLoss shifted(ModelLoss of, String name, double[] by) {
        List<Double> own = new ArrayList<>();
        for (int i = 0; i < by.length; i++) {
            own.add(of.own().get(i) + by[i]);
        }
        return with(of, name, of.latents(), of.alphasCumprod(), of.target(), own);
    }

    private static ModelLoss with(
            ModelLoss of,
            String name,
            String latents,
            List<Double> schedule,
            PredictionType target,
            List<Double> own) {
        return new ModelLoss(
                name,
                of.unetSha256(),
                latents,
                schedule,
                target,
                own,
                of.noise(),
                of.byTimestep(),
                List.of());
    }

    @Test
    void modelsOfDifferentTargetsAreComparedInTheNoiseAndThoseOfDifferentLatentsNotAtAll() {
        ModelLoss first = measure(shard("pictures", 1, 2, 3), "tiny-sd15", 2, 0);
        ModelLoss velocity =
                with(
                        first,
                        "velocity",
                        first.latents(),
                        first.alphasCumprod(),
                        PredictionType.V_PREDICTION,
                        List.of(5.0, 5.0, 5.0));
        ModelLoss latents =
                with(first, "latents", "other", first.alphasCumprod(), first.target(), first.own());
        ModelLoss schedule =
                with(first, "schedule", first.latents(), List.of(.5), first.target(), first.own());
        LossTable table = LossTable.of(List.of(first, velocity, latents, schedule), BOOTSTRAP);
        LossTable.Difference d = table.rows().get(1).toFirst().orElseThrow();
        assertThat(d.in()).isEqualTo(PredictionType.EPSILON);
        assertThat(d.interval().estimate()).as("their noise losses are the same").isZero();
        assertThat(table.rows().get(2).toFirst()).isEmpty();
        assertThat(table.rows().get(2).unlike().orElseThrow()).contains("autoencoder");
        assertThat(table.rows().get(3).unlike().orElseThrow()).contains("noise schedule");
        assertThat(table.best()).isEmpty();
    }

    @Test
    void theErrorOfTheImpliedNoiseFollowsFromThatOfThePrediction() {
        double gamma = .6;
        double sigma = .8;
        assertThat(PredictionType.EPSILON.noiseErrorFactor(gamma, sigma)).isEqualTo(1);
        assertThat(PredictionType.V_PREDICTION.noiseErrorFactor(gamma, sigma)).isEqualTo(.6);
        assertThat(PredictionType.SAMPLE.noiseErrorFactor(gamma, sigma))
                .isCloseTo(.75, within(1e-12));
    }

    @Test
    void tooLittleIsRefused() {
        assertThatThrownBy(() -> new HeldOutLoss(shard("one", 1), 8, 0, false))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("at least two pictures");
        assertThatThrownBy(() -> new HeldOutLoss(shard("two", 1, 2), 0, 0, false))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`draws`");
    }
}
