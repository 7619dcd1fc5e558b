package org.diffusionsoup.workbench.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.SplittableRandom;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.pipeline.Conditioning;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.job.LossLog;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training on the reference set's tiny SDXL, whose UNet and text encoders are held to diffusers'.
 */
class XlTrainingTest {
    private static final Path BASE =
            Path.of("../diffusion/src/test/resources/reference/pipelines/tiny-sdxl");
    private static final int HEIGHT = 32;
    private static final int WIDTH = 64;
    private static final String CAPTION = "plain stripes";

    @TempDir private Path temp;
    private Path tar;

    @BeforeEach
    void shard() {
        tar = temp.resolve("stripes.tar");
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            byte[] pixels = new byte[3 * WIDTH * HEIGHT];
            for (int p = 0; p < pixels.length; p++) {
                pixels[p] = (byte) (p % (7 + i) < 3 ? 250 : 20 + 30 * i);
            }
            byte[] png = PngCodec.encode(new RgbImage(WIDTH, HEIGHT, pixels));
            samples.add(
                    new Sample(
                            new SampleInfo(
                                    "row" + i,
                                    CAPTION,
                                    "stripes",
                                    "plain",
                                    "s" + i,
                                    "test",
                                    "CC0-1.0",
                                    "",
                                    "",
                                    "other",
                                    "train",
                                    Hashes.sha256Hex(png)),
                            png));
        }
        ShardWriter.write(tar, samples);
    }

    /**
     * The loss at given noise and timestep, written out: two text encoders side by side, the second
     * one's pooled embedding, and the picture's height and width as original and target size.
     * Without a caption both embeddings are zeros, which this model is drawn from without a
     * negative prompt.
     */
    @Test
    void theLossIsThatOfThePipelinesConditions() {
        Shard rows = ShardRef.parse(tar.toString()).open().train();
        try (StableDiffusion model = StableDiffusion.loadForTraining(BASE);
                EncodedRows encoded = EncodedRows.encode(model, List.of(rows), Progress.silent());
                Torch.Guard off = Torch.gradients(false)) {
            NoiseTable table = model.scheduler().table();
            for (double dropout : new double[] {0, 1}) {
                for (long seed = 0; seed < 3; seed++) {
                    DenoisingObjective objective =
                            new DenoisingObjective(
                                    model.unet(),
                                    encoded.latents(),
                                    table,
                                    model.scheduler().predictionType(),
                                    dropout);
                    try (Scope s = Scope.open();
                            Rng rng = new Rng(seed);
                            Rng same = new Rng(seed)) {
                        float loss =
                                objective
                                        .loss(new int[] {1}, rng, new SplittableRandom(seed))
                                        .item();
                        long t = new SplittableRandom(seed).nextInt(table.size());
                        Tensor clean = EncodedRows.latents(model, rows, 1, 1);
                        Tensor noise = same.normal(clean.shape());
                        Conditioning c = Conditioning.of(model, List.of(CAPTION));
                        Tensor pooled = c.added().orElseThrow().pooledText();
                        float[] ids = {HEIGHT, WIDTH, 0, 0, HEIGHT, WIDTH};
                        Tensor out =
                                model.unet()
                                        .forward(
                                                table.addNoise(clean, noise, t),
                                                Tensor.of(new long[] {t}),
                                                c.text().mul(1 - dropout),
                                                pooled.mul(1 - dropout),
                                                Tensor.of(ids, 1, 6));
                        assertThat(loss)
                                .as("seed %d, dropout %s", seed, dropout)
                                .isCloseTo(Functional.mse(out, noise).item(), within(1e-5f));
                    }
                }
            }
        }
    }

    /**
     * In buckets the six numbers are each picture's own: its size as it was, what is cut off at its
     * top and left once it is scaled, its bucket's size. One step on both pictures of a bucket.
     */
    @Test
    void inBucketsEveryPictureHasItsOwnSizes() {
        Path mixed = temp.resolve("mixed.tar");
        int[][] sizes = {{200, 50}, {64, 64}, {300, 120}, {128, 48}, {75, 200}};
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < sizes.length; i++) {
            byte[] pixels = new byte[3 * sizes[i][0] * sizes[i][1]];
            new Random(i).nextBytes(pixels);
            RgbImage picture = new RgbImage(sizes[i][0], sizes[i][1], pixels);
            samples.add(TinyModels.row("row" + i, CAPTION, "test", "other", picture));
        }
        ShardWriter.write(mixed, samples);
        List<Shard> rows = List.of(ShardRef.parse(mixed.toString()).open().train());
        BucketPlan plan = BucketPlan.of(BucketRule.of(BASE, OptionalInt.empty()), rows);
        assertThat(plan.rows().stream().map(r -> r.fit().bucket().toString()))
                .containsExactly("128×32", "64×64", "96×32", "96×32", "32×96");
        float[][] ids = {
            {50, 200, 0, 0, 32, 128},
            {64, 64, 0, 0, 64, 64},
            {120, 300, 3, 0, 32, 96},
            {48, 128, 2, 0, 32, 96},
            {200, 75, 0, 2, 96, 32}
        };
        try (StableDiffusion model = StableDiffusion.loadForTraining(BASE);
                EncodedRows encoded =
                        EncodedRows.encode(model, rows, Optional.of(plan), Progress.silent());
                Torch.Guard off = Torch.gradients(false)) {
            NoiseTable table = model.scheduler().table();
            DenoisingObjective objective =
                    new DenoisingObjective(
                            model.unet(),
                            encoded.latents(),
                            table,
                            model.scheduler().predictionType(),
                            0);
            assertThat(objective.buckets().orElseThrow()).containsExactly(3, 1, 2, 2, 0);
            for (int[] batch : new int[][] {{0}, {1}, {3, 2}, {4}}) {
                try (Scope s = Scope.open();
                        Rng rng = new Rng(7);
                        Rng same = new Rng(7)) {
                    float loss = objective.loss(batch, rng, new SplittableRandom(7)).item();
                    SplittableRandom random = new SplittableRandom(7);
                    List<Tensor> latents = new ArrayList<>();
                    List<String> captions = new ArrayList<>();
                    long[] t = new long[batch.length];
                    float[] sizeIds = new float[6 * batch.length];
                    for (int i = 0; i < batch.length; i++) {
                        t[i] = random.nextInt(table.size());
                        captions.add(List.of(CAPTION, "plain " + CAPTION).get(random.nextInt(2)));
                        random.nextDouble(); // without dropout
                        RgbImage p = plan.rows().get(batch[i]).picture();
                        latents.add(
                                EncodedRows.latents(
                                        model.vae(),
                                        new PictureSet(
                                                new byte[][] {p.pixels()}, p.width(), p.height())));
                        System.arraycopy(ids[batch[i]], 0, sizeIds, 6 * i, 6);
                    }
                    Tensor clean = Tensor.cat(latents, 0);
                    Tensor noise = same.normal(clean.shape());
                    Conditioning c = Conditioning.of(model, captions);
                    Tensor out =
                            model.unet()
                                    .forward(
                                            table.addNoise(clean, noise, t),
                                            Tensor.of(t),
                                            c.text(),
                                            c.added().orElseThrow().pooledText(),
                                            Tensor.of(sizeIds, batch.length, 6));
                    assertThat(loss)
                            .as("batch of row %d", batch[0])
                            .isCloseTo(Functional.mse(out, noise).item(), within(1e-5f));
                }
            }
            try (Scope s = Scope.open();
                    Rng rng = new Rng(7)) {
                assertThatThrownBy(() ->
                                objective.loss(new int[] {0, 1}, rng, new SplittableRandom(7)))
                        .isInstanceOf(TrainingException.class)
                        .hasMessageContaining("rows 0 and 1");
            }
        }
    }

    @Test
    void trainingLowersTheLossWithAndWithoutCheckpointing() throws IOException {
        Path out = temp.resolve("ingredient");
        TrainingOptions options =
                FineTuneRequest.embeddedDefaults(60, 1).withBatch(3).withLearningRate(2e-3);
        FineTuneRequest request =
                new FineTuneRequest(BASE, List.of(tar.toString()), out, options, 0.1, 0, false);
        assertThat(new FineTuner(request, Progress.silent(), () -> false).run()).isPresent();
        LossCurve curve = LossLog.readCsv(out.resolve("loss.csv"));
        List<Double> losses = curve.points().stream().map(LossCurve.Point::loss).toList();
        assertThat(mean(losses.subList(45, 60))).isLessThan(0.9 * mean(losses.subList(0, 15)));
        FineTuneRequest again =
                new FineTuneRequest(
                                BASE,
                                List.of(tar.toString()),
                                temp.resolve("again"),
                                options,
                                0.1,
                                0,
                                false)
                        .checkpointing(true);
        assertThat(new FineTuner(again, Progress.silent(), () -> false).run()).isPresent();
        assertThat(temp.resolve("again/unet/diffusion_pytorch_model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("unet/diffusion_pytorch_model.safetensors"));
    }

    private static double mean(List<Double> losses) {
        return losses.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }
}
