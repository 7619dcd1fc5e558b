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
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.DType;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.core.Provenance;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.WeightsHash;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.clip.ClipModel;
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
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.ClipObjective;
import org.diffusionsoup.diffusion.train.DenoisingObjective;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.diffusion.train.VaeObjective;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.EncodedRows;
import org.jspecify.annotations.Nullable;

/**
 * Trains a base from nothing, stage by stage: tokenizer, autoencoder, CLIP, denoiser. Every stage
 * leaves its finished component in the work folder and is skipped when it is there, and resumes
 * inside itself from its last checkpoint.
 */
public final class Pretrainer {
    /** The parts a base is made of, in the order they depend on each other. */
    public enum Stage {
        TOKENIZER,
        VAE,
        CLIP,
        UNET
    }

    /** Folder of the text encoder the denoiser was trained with, which is CLIP's or its own. */
    private static final String UNET_TEXT = "unet-text-encoder";

    private final PretrainRecipe recipe;
    private final Shard all;
    private final Path work;
    private final @Nullable Path from;
    private final boolean trainText;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param all every row of the data set; held-out rows are never trained on
     * @param work folder of stages and checkpoints
     * @param from a base of the recipe's shape whose denoiser and text encoder are trained on,
     *     instead of a denoiser from random weights; the work folder's autoencoder and tokenizer
     *     must be that base's own, as the denoiser knows their latents and tokens
     * @param trainText whether the text encoder learns with the denoiser. CLIP's tower tells
     *     captions apart as far as pictures of a batch differ; for drawing, rare names need more
     * @param stop polled between steps; when true, the state is saved and the run ends
     */
    public Pretrainer(
            PretrainRecipe recipe,
            Shard all,
            Path work,
            Optional<Path> from,
            boolean trainText,
            Progress progress,
            BooleanSupplier stop) {
        this.recipe = recipe;
        this.all = all;
        this.work = work;
        this.from = from.orElse(null);
        this.trainText = trainText;
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
        for (Stage s : Stage.values()) {
            if (!stages.contains(s) || Files.exists(done(s))) {
                continue;
            }
            boolean finished =
                    switch (s) {
                        case TOKENIZER -> tokenizer();
                        case VAE -> vae();
                        case CLIP -> clip();
                        case UNET -> unet();
                    };
            if (!finished) {
                return false;
            }
            write(done(s), "done\n");
        }
        return true;
    }

    private Path done(Stage s) {
        return work.resolve(s.name().toLowerCase(java.util.Locale.ROOT) + ".done");
    }

    private Shard train() {
        return all.train();
    }

    private boolean tokenizer() {
        List<String> captions = new ArrayList<>();
        for (SampleInfo row : train().infos()) {
            captions.addAll(EncodedRows.captionsOf(row));
        }
        mkdirs(work.resolve("tokenizer"));
        BpeTrainer.train(captions, recipe.merges())
                .write(work.resolve("tokenizer"), recipe.maxTokens());
        return true;
    }

    private boolean vae() {
        Shard shard = train();
        PictureSet pictures = EncodedRows.pictures(shard, 0, shard.size());
        AutoencoderKL vae = new AutoencoderKL(recipe.vae());
        vae.parameters().initialise(recipe.vaeTraining().seed());
        Objective objective = new VaeObjective(vae, pictures, recipe.klWeight());
        if (!fit("vae", vae.parameters(), objective, recipe.vaeTraining())) {
            return false;
        }
        double std = latentStd(vae, pictures);
        saveComponent("vae", vae.parameters(), vae.config().withScalingFactor(1 / std).toJson());
        return true;
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

    private boolean clip() {
        Shard shard = train();
        PictureSet pictures = EncodedRows.pictures(shard, 0, shard.size());
        ClipTokenizer tokenizer = ClipTokenizer.load(work.resolve("tokenizer"));
        ClipModel.Config shape = recipe.clip();
        ClipModel clip =
                new ClipModel(
                        new ClipModel.Config(
                                shape.text().withVocabSize(tokenizer.vocabSize()),
                                shape.vision(),
                                shape.projectionDim(),
                                shape.logitScaleInit()));
        clip.parameters().initialise(recipe.clipTraining().seed());
        List<int[][]> captions = new ArrayList<>();
        for (SampleInfo row : shard.infos()) {
            captions.add(
                    EncodedRows.captionsOf(row).stream()
                            .map(tokenizer::encode)
                            .toArray(int[][]::new));
        }
        Objective objective =
                new ClipObjective(
                        clip,
                        pictures,
                        captions,
                        PretrainRecipe.CLIP_MEAN,
                        PretrainRecipe.CLIP_STD);
        if (!fit("clip", clip.parameters(), objective, recipe.clipTraining())) {
            return false;
        }
        saveModel("clip", "model.safetensors", clip.parameters(), clip.config().toJson());
        write(work.resolve("clip/preprocessor_config.json"), JsonConfig.text(preprocessor()));
        copyTokenizer(work.resolve("clip"));
        // The text tower alone, as the pipeline's text encoder: the same weights, no projection.
        ClipTextModel text = new ClipTextModel(clip.config().text(), false);
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Parameter p : text.parameters().all()) {
                Parameter from = clip.parameters().find(p.name());
                if (from == null) {
                    throw new SoupException("the CLIP has no parameter " + p.name());
                }
                p.value().copy_(from.value());
            }
        }
        saveModel("text_encoder", "model.safetensors", text.parameters(), text.config().toJson());
        return true;
    }

    private ObjectNode preprocessor() {
        int size = recipe.clip().vision().imageSize();
        ObjectNode o = JsonConfig.object();
        o.putObject("crop_size").put("height", size).put("width", size);
        o.put("do_center_crop", true);
        o.put("do_convert_rgb", true);
        o.put("do_normalize", true);
        o.put("do_rescale", true);
        o.put("do_resize", true);
        o.put("feature_extractor_type", "CLIPFeatureExtractor");
        var mean = o.putArray("image_mean");
        var std = o.putArray("image_std");
        for (int i = 0; i < 3; i++) {
            mean.add(PretrainRecipe.CLIP_MEAN[i]);
            std.add(PretrainRecipe.CLIP_STD[i]);
        }
        o.put("image_processor_type", "CLIPImageProcessor");
        o.put("resample", 3);
        o.put("rescale_factor", 1.0 / 255);
        o.putObject("size").put("shortest_edge", size);
        return o;
    }

    private boolean unet() {
        Set<String> providers = Set.copyOf(recipe.unetProviders());
        Shard shard = train().filter(r -> providers.contains(r.provider()));
        AutoencoderKL vae = StableDiffusion.vae(work.resolve("vae"));
        ClipTokenizer tokenizer = ClipTokenizer.load(work.resolve("tokenizer"));
        ClipTextModel text =
                StableDiffusion.textEncoder((from == null ? work : from).resolve("text_encoder"));
        EncodedRows rows = EncodedRows.encode(vae, text, tokenizer, List.of(shard), progress);
        UNet2DConditionModel unet = new UNet2DConditionModel(recipe.unet());
        Map<String, String> more = new TreeMap<>();
        if (from == null) {
            unet.parameters().initialise(recipe.unetTraining().seed());
        } else {
            Path weights = from.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
            Weights.load(unet.parameters(), weights);
            more.put("unet_from_sha256", WeightsHash.of(weights));
        }
        if (trainText) {
            more.put("text_encoder", "trained");
        }
        SchedulerConfig scheduler =
                SchedulerConfig.of(new JsonConfig("the recipe's scheduler", recipe.scheduler()));
        Objective objective =
                new DenoisingObjective(
                        unet,
                        rows.latents(),
                        scheduler.table(),
                        scheduler.predictionType(),
                        recipe.captionDropout(),
                        trainText
                                ? Optional.of(new DenoisingObjective.Texts(text, rows.captionIds()))
                                : Optional.empty());
        Parameters learning =
                trainText
                        ? Parameters.joined(unet.parameters(), text.parameters())
                        : unet.parameters();
        if (!fit("unet", learning, objective, recipe.unetTraining(), more)) {
            return false;
        }
        saveModel(
                "unet",
                StableDiffusion.DIFFUSERS_WEIGHTS,
                unet.parameters(),
                unet.config().toJson(),
                more);
        saveModel(UNET_TEXT, "model.safetensors", text.parameters(), text.config().toJson(), more);
        return true;
    }

    private boolean fit(
            String name, Parameters parameters, Objective objective, TrainingOptions options) {
        return fit(name, parameters, objective, options, Map.of());
    }

    private boolean fit(
            String name,
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            Map<String, String> more) {
        String fingerprint =
                name + " " + options + " rows=" + objective.rows() + " shard=" + all.sha256();
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
                                progress.advance(options.batch());
                                progress.message(
                                        String.format(
                                                java.util.Locale.ROOT, "loss %.4f", p.loss()));
                            });
            writeCurve(name, run.curve());
            if (end == TrainingRun.End.STOPPED) {
                return false;
            }
            run.useMovingAverage();
            return true;
        }
    }

    private void writeCurve(String name, List<LossPoint> curve) {
        StringBuilder csv = new StringBuilder("step,loss,gradient_norm,lr,images_per_second\n");
        for (LossPoint p : curve) {
            csv.append(p.step())
                    .append(',')
                    .append((float) p.loss())
                    .append(',')
                    .append((float) p.gradientNorm())
                    .append(',')
                    .append((float) p.learningRate())
                    .append(',')
                    .append((float) p.imagesPerSecond())
                    .append('\n');
        }
        write(work.resolve(name + "-loss.csv"), csv.toString());
    }

    private void saveComponent(String component, Parameters p, ObjectNode config) {
        saveModel(component, StableDiffusion.DIFFUSERS_WEIGHTS, p, config);
    }

    private void saveModel(String folder, String file, Parameters p, ObjectNode config) {
        saveModel(folder, file, p, config, Map.of());
    }

    private void saveModel(
            String folder, String file, Parameters p, ObjectNode config, Map<String, String> more) {
        Path dir = work.resolve(folder);
        mkdirs(dir);
        write(dir.resolve("config.json"), JsonConfig.text(config));
        Map<String, String> metadata = new TreeMap<>();
        metadata.put("format", "pt");
        Provenance provenance = Provenance.of(recipe.toJson(all.sha256()));
        for (Map.Entry<String, String> e : more.entrySet()) {
            provenance = provenance.with(e.getKey(), e.getValue());
        }
        Weights.save(p, dir.resolve(file), DType.F16, provenance.writeTo(metadata));
    }

    /**
     * Puts the finished components together as a pipeline in diffusers layout, and the CLIP as a
     * folder of its own.
     *
     * @param base folder of the pipeline to be written; replaced when it exists
     * @param clip folder of the CLIP to be written; replaced when it exists
     */
    public void publish(Path base, Path clip) {
        for (Stage s : Stage.values()) {
            if (!Files.exists(done(s))) {
                throw new SoupException(
                        "stage "
                                + s
                                + " is not finished in "
                                + work
                                + "; run soup pretrain again.");
            }
        }
        AtomicFiles.replaceFolder(
                base,
                OutputKind.MODEL_FOLDER,
                folder -> {
                    for (String part : List.of("tokenizer", "vae", "unet")) {
                        copy(work.resolve(part), folder.resolve(part));
                    }
                    copy(work.resolve(UNET_TEXT), folder.resolve("text_encoder"));
                    Files.createDirectories(folder.resolve("scheduler"));
                    Files.writeString(
                            folder.resolve("scheduler/scheduler_config.json"),
                            JsonConfig.text(recipe.scheduler()));
                    Files.writeString(
                            folder.resolve("model_index.json"), JsonConfig.text(modelIndex()));
                });
        AtomicFiles.replaceFolder(
                clip, OutputKind.WEIGHTS_FOLDER, folder -> copy(work.resolve("clip"), folder));
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

    private void copyTokenizer(Path into) {
        try {
            copy(work.resolve("tokenizer"), into);
        } catch (IOException e) {
            throw new SoupException(into + " cannot be written: " + e.getMessage(), e);
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
