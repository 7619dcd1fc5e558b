package org.diffusionsoup.workbench.pretrain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.BpeTrainer;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.report.LossLog;
import org.jspecify.annotations.Nullable;

/**
 * Trains a base from nothing, stage by stage: tokenizer, autoencoder, denoiser with its text
 * encoder. Every stage leaves its finished component in the work folder and is skipped when it is
 * there, and resumes inside itself from its last checkpoint.
 */
public final class Pretrainer {
    /** The parts a base is made of, in the order they depend on each other. */
    public enum Stage {
        TOKENIZER,
        VAE,
        UNET
    }

    private static final int CAPTIONS = 20_000;
    private static final int VAE_POOL = 4096;
    private static final int UNET_POOL = 8192;
    private static final int UNET_EPOCHS = 3;

    private final PretrainRecipe recipe;
    private final SceneStream stream;
    private final String drawingsSha256;
    private final Path work;
    private final @Nullable Path from;
    private final boolean keepLatents;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param stream what it is trained on
     * @param drawingsSha256 of the drawings that the stream's scenes are made of
     * @param work folder of stages and checkpoints
     * @param from a base of the recipe's shape whose weights are trained on, instead of random
     *     ones; it may have fewer latent channels. Its tokenizer is taken over, for as many tokens
     *     as the recipe has; its autoencoder is too when the recipe trains it for no step. A text
     *     encoder for fewer tokens gets new positions after its own
     * @param keepLatents whether the channels that the base's latents have stay as they are: only
     *     new channels and the decoder are trained
     * @param stop polled between steps; when true, the state is saved and the run ends
     */
    public Pretrainer(
            PretrainRecipe recipe,
            SceneStream stream,
            String drawingsSha256,
            Path work,
            Optional<Path> from,
            boolean keepLatents,
            Progress progress,
            BooleanSupplier stop) {
        this.recipe = recipe;
        this.stream = stream;
        this.drawingsSha256 = drawingsSha256;
        this.work = work;
        this.from = from.orElse(null);
        this.keepLatents = keepLatents;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Runs the wanted stages.
     *
     * @return whether all of them are finished; false when stopped
     */
    public boolean run(Set<Stage> stages) {
        mkdirs(work);
        takeOver();
        for (Stage s : Stage.values()) {
            if (!stages.contains(s) || Files.exists(done(s))) {
                continue;
            }
            boolean finished =
                    switch (s) {
                        case TOKENIZER -> tokenizer();
                        case VAE -> vae();
                        case UNET -> unet();
                    };
            if (!finished) {
                return false;
            }
            write(done(s), "done\n");
        }
        return true;
    }

    /** Whether there is a denoiser to look at, be it that of a stopped run. */
    public boolean publishable() {
        return Files.exists(done(Stage.VAE)) && Files.exists(work.resolve("unet/config.json"));
    }

    private Path done(Stage s) {
        return work.resolve(s.name().toLowerCase(java.util.Locale.ROOT) + ".done");
    }

    /** Takes what is not trained from the base that is trained on, where one is given. */
    private void takeOver() {
        if (from == null) {
            return;
        }
        for (Stage s : List.of(Stage.TOKENIZER, Stage.VAE)) {
            boolean taken = s == Stage.TOKENIZER || recipe.vaeTraining().isEmpty();
            if (taken && !Files.exists(done(s))) {
                if (s == Stage.VAE) {
                    requireLatents(from.resolve("vae"));
                }
                String folder = s.name().toLowerCase(java.util.Locale.ROOT);
                try {
                    copy(from.resolve(folder), work.resolve(folder));
                } catch (IOException e) {
                    throw new SoupException(
                            from.resolve(folder) + " cannot be copied: " + e.getMessage(), e);
                }
                if (s == Stage.TOKENIZER) {
                    allowTokens(work.resolve(folder).resolve("tokenizer_config.json"));
                }
                write(done(s), "done\n");
            }
        }
    }

    private void requireLatents(Path vae) {
        int channels = VaeConfig.of(JsonConfig.read(vae.resolve("config.json"))).latentChannels();
        int wanted = recipe.vae().latentChannels();
        if (channels != wanted) {
            throw new SoupException(
                    "The autoencoder of "
                            + from
                            + " makes latents of "
                            + channels
                            + " channels, and this recipe's denoiser works on "
                            + wanted
                            + "; leave out `vaeSteps` 0, so that the autoencoder learns to use the"
                            + " others.");
        }
    }

    private void allowTokens(Path tokenizerConfig) {
        ObjectNode config = JsonConfig.read(tokenizerConfig).node().deepCopy();
        config.put("model_max_length", recipe.maxTokens());
        write(tokenizerConfig, JsonConfig.text(config));
    }

    /** The text encoder that is trained on, able to read as many tokens as the recipe has. */
    private ClipTextModel textEncoder(Path base) {
        ClipTextModel own = StableDiffusion.textEncoder(base.resolve("text_encoder"));
        int known = own.config().maxPositions();
        if (known >= recipe.maxTokens()) {
            return own;
        }
        ClipTextModel longer =
                new ClipTextModel(own.config().withMaxPositions(recipe.maxTokens()), false);
        longer.parameters().initialise(recipe.unetTraining().seed() + 1);
        try (Torch.Guard off = Torch.gradients(false);
                Parameters before = own.parameters()) {
            for (Parameter p : longer.parameters().all()) {
                try (Scope s = Scope.open()) {
                    Tensor old = Objects.requireNonNull(before.find(p.name())).value();
                    p.value().narrow(0, 0, old.size(0)).copy_(old);
                }
            }
        }
        return longer;
    }

    private boolean tokenizer() {
        List<String> captions = new ArrayList<>();
        for (int i = 0; i < CAPTIONS; i++) {
            captions.add(stream.caption(-1 - i));
        }
        mkdirs(work.resolve("tokenizer"));
        BpeTrainer.train(captions, recipe.merges())
                .write(work.resolve("tokenizer"), recipe.maxTokens());
        return true;
    }

    private boolean vae() {
        TrainingOptions training =
                recipe.vaeTraining()
                        .orElseThrow(() ->
                                new SoupException(
                                        "There is no autoencoder to take over: `vaeSteps`"
                                                + " 0 needs `from`, with a base that has"
                                                + " one."));
        AutoencoderKL vae = new AutoencoderKL(recipe.vae());
        Map<String, String> more = new TreeMap<>();
        vae.parameters().initialise(training.seed());
        OptionalDouble scaling = OptionalDouble.empty();
        KeptLatents kept = null;
        if (from != null) {
            AutoencoderKL before = StableDiffusion.vae(from.resolve("vae"));
            try (Parameters known = before.parameters()) {
                LatentWidening.copy(known, vae.parameters());
            }
            more.put("vae_from_sha256", weightsHash(from.resolve("vae")));
            if (keepLatents) {
                more.put("kept_latents", "yes");
                scaling = OptionalDouble.of(before.config().scalingFactor());
                kept =
                        new KeptLatents(
                                vae.parameters(),
                                before.config().latentChannels(),
                                vae.config().latentChannels());
            }
        }
        Objective objective =
                new StreamedVaeObjective(
                        vae,
                        scenes(training, VAE_POOL, 1),
                        training.batch(),
                        recipe.klWeight(),
                        recipe.edgeWeight());
        Runnable afterStep = kept == null ? () -> {} : kept::restore;
        try (KeptLatents untilTheEnd = kept) {
            if (!fit("vae", vae.parameters(), objective, training, more, afterStep)) {
                return false;
            }
        }
        double factor =
                scaling.orElseGet(() ->
                        1
                                / latentStd(
                                        vae,
                                        StreamedScenes.pictures(
                                                scenes(training, VAE_POOL, 1).pool(0))));
        saveModel(
                "vae",
                StableDiffusion.DIFFUSERS_WEIGHTS,
                vae.parameters(),
                vae.config().withScalingFactor(factor).toJson(),
                more);
        return true;
    }

    private static String weightsHash(Path component) {
        return WeightsHash.of(component.resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
    }

    /** The stream in pools, no larger than the whole run needs. */
    private RowPools<SceneStream.Row> scenes(TrainingOptions options, int pool, int epochs) {
        long needed = options.steps() * options.batch();
        return RowPools.forRun(stream::get, needed, pool, epochs);
    }

    /** Standard deviation of all latent elements, over every 16th picture. */
    private static double latentStd(AutoencoderKL vae, PictureSet pictures) {
        double sum = 0;
        double squares = 0;
        long count = 0;
        try (Torch.Guard off = Torch.gradients(false)) {
            for (int i = 0; i < pictures.count(); i += 16) {
                try (Scope s = Scope.open()) {
                    for (float v : vae.encode(pictures.batch(i)).mean().toFloatArray()) {
                        sum += v;
                        squares += (double) v * v;
                        count++;
                    }
                }
            }
        }
        double mean = sum / count;
        return Math.sqrt(squares / count - mean * mean);
    }

    private boolean unet() {
        AutoencoderKL vae = StableDiffusion.vae(work.resolve("vae"));
        ClipTokenizer tokenizer = ClipTokenizer.load(work.resolve("tokenizer"));
        UNet2DConditionModel unet = new UNet2DConditionModel(recipe.unet());
        ClipTextModel text;
        Map<String, String> more = new TreeMap<>();
        if (from == null) {
            text = new ClipTextModel(recipe.text().withVocabSize(tokenizer.vocabSize()), false);
            text.parameters().initialise(recipe.unetTraining().seed() + 1);
            unet.parameters().initialise(recipe.unetTraining().seed());
        } else {
            text = textEncoder(from);
            unet.parameters().initialise(recipe.unetTraining().seed());
            try (Parameters known = StableDiffusion.unet(from.resolve("unet")).parameters()) {
                LatentWidening.copy(known, unet.parameters());
            }
            more.put("unet_from_sha256", weightsHash(from.resolve("unet")));
        }
        SchedulerConfig scheduler =
                SchedulerConfig.of(new JsonConfig("the recipe's scheduler", recipe.scheduler()));
        try (StreamedDenoisingObjective objective =
                new StreamedDenoisingObjective(
                        unet,
                        vae,
                        text,
                        tokenizer,
                        scheduler,
                        scenes(recipe.unetTraining(), UNET_POOL, UNET_EPOCHS),
                        recipe.unetTraining().batch(),
                        recipe.captionDropout(),
                        recipe.noiseDraws())) {
            Parameters learning = Parameters.joined(unet.parameters(), text.parameters());
            boolean finished =
                    fit("unet", learning, objective, recipe.unetTraining(), more, () -> {});
            // A stopped run leaves what it has learnt so far, so that its pictures can be looked
            // at.
            saveModel(
                    "unet",
                    StableDiffusion.DIFFUSERS_WEIGHTS,
                    unet.parameters(),
                    unet.config().toJson(),
                    more);
            saveModel(
                    "text_encoder",
                    "model.safetensors",
                    text.parameters(),
                    text.config().toJson(),
                    more);
            return finished;
        }
    }

    private boolean fit(
            String name,
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            Map<String, String> more,
            Runnable afterStep) {
        String fingerprint =
                name
                        + " "
                        + options
                        + (name.equals("unet") ? " draws=" + recipe.noiseDraws() : "")
                        + " rows="
                        + objective.rows()
                        + " drawings="
                        + drawingsSha256;
        for (Map.Entry<String, String> e : more.entrySet()) {
            fingerprint += " " + e.getKey() + "=" + e.getValue();
        }
        try (TrainingRun run =
                new TrainingRun(
                        parameters,
                        objective,
                        options,
                        work.resolve(name + "-state"),
                        fingerprint)) {
            progress.start("pretrain " + name, options.steps() * options.batch(), "images");
            progress.skip(run.stepsDone() * options.batch());
            TrainingRun.End end =
                    run.run(
                            2000,
                            stop,
                            p -> {
                                progress.message(
                                        String.format(
                                                java.util.Locale.ROOT, "loss %.4f", p.loss()));
                                progress.advance(options.batch());
                            },
                            steps -> afterStep.run());
            LossLog.writeTraining(work.resolve(name + "-loss.csv"), run.curve());
            run.useMovingAverage();
            return end == TrainingRun.End.FINISHED;
        }
    }

    private void saveModel(
            String folder, String file, Parameters p, ObjectNode config, Map<String, String> more) {
        Path dir = work.resolve(folder);
        mkdirs(dir);
        write(dir.resolve("config.json"), JsonConfig.text(config));
        Map<String, String> metadata = new TreeMap<>();
        metadata.put("format", "pt");
        Provenance provenance = Provenance.of(recipe.header(drawingsSha256));
        for (Map.Entry<String, String> e : more.entrySet()) {
            provenance = provenance.with(e.getKey(), e.getValue());
        }
        Weights.save(p, dir.resolve(file), DType.F16, provenance.writeTo(metadata));
    }

    /**
     * Puts the finished components together as a pipeline in diffusers layout.
     *
     * @param base folder of the pipeline to be written; replaced when it exists
     */
    public void publish(Path base) {
        if (!publishable()) {
            throw new SoupException(
                    work
                            + " has no denoiser yet; run soup pretrain again and let it come to that.");
        }
        AtomicFiles.replaceFolder(
                base,
                ModelOutput.MODEL_FOLDER,
                folder -> {
                    for (String part : List.of("tokenizer", "vae", "text_encoder", "unet")) {
                        copy(work.resolve(part), folder.resolve(part));
                    }
                    Files.createDirectories(folder.resolve("scheduler"));
                    Files.writeString(
                            folder.resolve("scheduler/scheduler_config.json"),
                            JsonConfig.text(recipe.scheduler()));
                    Files.writeString(
                            folder.resolve("model_index.json"), JsonConfig.text(modelIndex()));
                });
    }

    private static ObjectNode modelIndex() {
        ObjectNode o = JsonConfig.object();
        o.put("_class_name", "StableDiffusionPipeline");
        o.put("_diffusers_version", "0.31.0");
        o.putArray("feature_extractor").addNull().addNull();
        o.put("requires_safety_checker", false);
        o.putArray("safety_checker").addNull().addNull();
        o.putArray("scheduler").add("diffusers").add("DDIMScheduler");
        o.putArray("text_encoder").add("transformers").add("CLIPTextModel");
        o.putArray("tokenizer").add("transformers").add("CLIPTokenizer");
        o.putArray("unet").add("diffusers").add("UNet2DConditionModel");
        o.putArray("vae").add("diffusers").add("AutoencoderKL");
        return o;
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path f : files.filter(Files::isRegularFile).sorted().toList()) {
                Files.copy(f, to.resolve(f.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private static void mkdirs(Path dir) {
        try {
            Files.createDirectories(dir);
        } catch (IOException e) {
            throw new SoupException("the folder " + dir + " cannot be made: " + e.getMessage(), e);
        }
    }

    private static void write(Path file, String text) {
        AtomicFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
    }
}
