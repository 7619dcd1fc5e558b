package org.diffusionsoup.workbench.classify;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.diffusion.classify.ClassifierObjective;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.job.TrainedWeights;
import org.diffusionsoup.workbench.job.TrainingJob;
import org.diffusionsoup.workbench.train.EncodedRows;

/**
 * Trains the classifier that tells shards apart at any timestep (paper, Appendix C), and says how
 * often it is right about rows that it has not seen, over the timesteps.
 */
public final class ShardClassifierTrainer {
    /** Steps unless told otherwise. */
    public static final int STEPS = 400;

    private static final int CHECKPOINT_EVERY = 100;
    private static final int WIDTH = 32;
    private static final int BATCH = 32;
    private static final double RATE = 1e-3;
    private static final int HELD_OUT = 5; // one row in so many
    private static final int BANDS = 5;
    private static final int DRAWS = 4;

    private final Path base;
    private final List<String> shards;
    private final List<String> names;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * How often the right shard has the highest probability, over a band of timesteps.
     *
     * @param from first timestep
     * @param to last timestep
     * @param right of rows held out, each noised anew a few times
     */
    public record Accuracy(int from, int to, Proportion right) {}

    /**
     * @param base whose autoencoder and noise schedule are used
     * @param shards references, one per class, in the order of the ensemble's models
     * @param names of the classes, as many
     * @param work folder of checkpoints and of the loss curve; the same call goes on from there
     * @param stop polled between steps, and between shards that are encoded
     */
    public ShardClassifierTrainer(
            Path base,
            List<String> shards,
            List<String> names,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        if (shards.size() < 2 || shards.size() != names.size()) {
            throw new SoupException(
                    "A classifier tells two shards or more apart; %d are given."
                            .formatted(shards.size()));
        }
        if (shards.stream().distinct().count() < shards.size()) {
            throw new SoupException("A shard is given twice; no classifier tells it from itself.");
        }
        this.base = base;
        this.shards = List.copyOf(shards);
        this.names = List.copyOf(names);
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Trains, or goes on training.
     *
     * @param out folder of the classifier; an earlier one is replaced
     * @return the accuracy over the timesteps; empty when stopped before the end
     */
    public Optional<List<Accuracy>> run(long steps, long seed, Path out) {
        DiffusersFolder.require(base);
        return new StoppableProgress(progress, stop)
                .unlessStopped(reading -> run(steps, seed, out, reading), Optional.empty());
    }

    private Optional<List<Accuracy>> run(long steps, long seed, Path out, Progress reading) {
        StableDiffusion model = StableDiffusion.load(base);
        List<Tensor> train = new ArrayList<>();
        List<Tensor> heldOut = new ArrayList<>();
        try {
            Set<String> rows = new HashSet<>();
            for (String ref : shards) {
                Shard shard = ShardRef.parse(ref).open().train();
                if (!rows.add(shard.sha256())) {
                    throw new SoupException(
                            "shard %s has the rows of another; no classifier tells them apart."
                                    .formatted(ref));
                }
                split(model, shard, seed, reading, train, heldOut);
            }
            return run(model, train, heldOut, steps, seed, out);
        } finally {
            train.forEach(Tensor::release);
            heldOut.forEach(Tensor::release);
            model.close();
        }
    }

    /** Encodes a shard's rows, a fifth of them to be held out. */
    private void split(
            StableDiffusion model,
            Shard shard,
            long seed,
            Progress reading,
            List<Tensor> train,
            List<Tensor> held) {
        if (shard.size() < HELD_OUT) {
            throw new SoupException(
                    "shard %s has %d rows to train on; a classifier needs %d or more of each."
                            .formatted(shard.name(), shard.size(), HELD_OUT));
        }
        reading.start("encode " + shard.name(), shard.size(), "images");
        List<Long> order = new ArrayList<>();
        for (long i = 0; i < shard.size(); i++) {
            order.add(i);
        }
        Collections.shuffle(order, new Random(seed));
        int out = Math.max(1, shard.size() / HELD_OUT);
        Tensor all = EncodedRows.latents(model, shard, 0, shard.size());
        try (Scope s = Scope.open()) {
            reading.advance(shard.size());
            held.add(rows(all, order.subList(0, out)).keep());
            train.add(rows(all, order.subList(out, order.size())).keep());
        } finally {
            all.release();
        }
    }

    private static Tensor rows(Tensor all, List<Long> which) {
        long[] index = which.stream().mapToLong(Long::longValue).toArray();
        return all.indexSelect(0, Tensor.of(index));
    }

    private Optional<List<Accuracy>> run(
            StableDiffusion model,
            List<Tensor> train,
            List<Tensor> heldOut,
            long steps,
            long seed,
            Path out) {
        NoiseTable noise = model.scheduler().table();
        int channels = Math.toIntExact(train.getFirst().size(1));
        ShardClassifier classifier =
                new ShardClassifier(new ShardClassifier.Config(channels, WIDTH, names));
        try {
            classifier.parameters().initialise(seed);
            TrainingOptions options = options(steps, seed);
            ObjectNode recipe = recipe(options);
            ClassifierObjective objective = new ClassifierObjective(classifier, train, noise);
            if (!train(classifier, objective, options, recipe)) {
                return Optional.empty();
            }
            List<Accuracy> accuracy = accuracy(classifier, heldOut, noise, seed);
            AtomicFiles.replaceFolder(
                    out,
                    ModelOutput.WEIGHTS_FOLDER,
                    folder -> write(folder, classifier, accuracy, recipe));
            return Optional.of(accuracy);
        } finally {
            classifier.parameters().close();
        }
    }

    /** Trains to the last step, and puts the moving average into the classifier. */
    private boolean train(
            ShardClassifier classifier,
            ClassifierObjective objective,
            TrainingOptions options,
            ObjectNode recipe) {
        TrainingJob.Spec spec =
                TrainingJob.Spec.in(
                                work,
                                "classifier",
                                "train the classifier",
                                "examples",
                                recipe.toString())
                        .from(origins());
        try (TrainingJob job =
                new TrainingJob(
                        spec, classifier.parameters(), objective, options, progress, stop)) {
            job.checkpointEvery(CHECKPOINT_EVERY);
            return job.run();
        }
    }

    /** Latents and their noise come from the base, which the recipe does not name. */
    private BaseConfiguration origins() {
        Path vae = base.resolve("vae").resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
        return BaseConfiguration.of(base, List.of("vae", "scheduler"))
                .with("the autoencoder's weights", WeightsHash.of(vae));
    }

    private static TrainingOptions options(long steps, long seed) {
        return new TrainingOptions(
                steps,
                BATCH,
                1,
                RATE,
                TrainingOptions.Schedule.COSINE,
                Math.min(50, Math.max(1, steps / 10)),
                1e-2,
                0.9,
                0.98,
                1e-8,
                1.0,
                0.99,
                seed,
                false);
    }

    private ObjectNode recipe(TrainingOptions t) {
        ObjectNode o = JsonConfig.object();
        o.put(SoupRecipe.METHOD, "classifier");
        var data = o.putArray("shards_sha256");
        shards.forEach(s -> data.add(ShardRef.parse(s).open().train().sha256()));
        o.put("steps", t.steps());
        o.put("batch", t.batch());
        o.put("learning_rate", t.learningRate());
        o.put("seed", t.seed());
        return o;
    }

    private List<Accuracy> accuracy(
            ShardClassifier classifier, List<Tensor> heldOut, NoiseTable noise, long seed) {
        List<Accuracy> bands = new ArrayList<>();
        for (int band = 0; band < BANDS; band++) {
            int from = noise.size() * band / BANDS;
            int to = noise.size() * (band + 1) / BANDS - 1;
            long right = 0;
            long all = 0;
            for (int shard = 0; shard < heldOut.size(); shard++) {
                Tensor x0 = heldOut.get(shard);
                for (int draw = 0; draw < DRAWS; draw++) {
                    long own = Rng.mix(seed, band * 1000L + shard * 10L + draw);
                    right += right(classifier, x0, shard, noise, from, to, own);
                    all += x0.size(0);
                }
            }
            bands.add(new Accuracy(from, to, new Proportion(right, all)));
        }
        return bands;
    }

    private static long right(
            ShardClassifier classifier,
            Tensor x0,
            int shard,
            NoiseTable noise,
            int from,
            int to,
            long seed) {
        int n = Math.toIntExact(x0.size(0));
        Random random = new Random(seed);
        long[] t =
                IntStream.range(0, n)
                        .mapToLong(i -> from + random.nextInt(to - from + 1))
                        .toArray();
        try (Torch.Guard off = Torch.gradients(false);
                Scope s = Scope.open();
                Rng rng = new Rng(seed)) {
            Tensor xt = noise.addNoise(x0, rng.normal(x0.shape()), t);
            float[] p = classifier.probabilities(xt, Tensor.of(t, n)).toFloatArray();
            int classes = p.length / n;
            long right = 0;
            for (int i = 0; i < n; i++) {
                int best = 0;
                for (int c = 1; c < classes; c++) {
                    best = p[i * classes + c] > p[i * classes + best] ? c : best;
                }
                right += best == shard ? 1 : 0;
            }
            return right;
        }
    }

    private static void write(
            Path folder, ShardClassifier classifier, List<Accuracy> accuracy, ObjectNode recipe)
            throws IOException {
        TrainedWeights.write(
                folder.resolve(ShardClassifier.WEIGHTS),
                classifier.parameters(),
                DType.F32,
                Provenance.of(new SoupRecipe(recipe.toString())));
        ObjectNode config = classifier.config().json();
        var bands = config.putArray("held_out_accuracy");
        for (Accuracy a : accuracy) {
            ObjectNode band = bands.addObject();
            band.put("from_timestep", a.from());
            band.put("to_timestep", a.to());
            band.put("right", a.right().hits());
            band.put("of", a.right().total());
        }
        Files.write(
                folder.resolve("config.json"),
                JsonConfig.text(config).getBytes(StandardCharsets.UTF_8));
    }
}
