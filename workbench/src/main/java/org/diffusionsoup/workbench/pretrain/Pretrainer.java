package org.diffusionsoup.workbench.pretrain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.workbench.Progress;

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

    private static final List<String> PARTS =
            List.of(
                    TokenizerStage.NAME,
                    VaeStage.NAME,
                    DenoiserStage.TEXT_ENCODER,
                    DenoiserStage.NAME);

    private final Pretraining shared;
    private final TokenizerStage tokenizer;
    private final VaeStage vae;
    private final DenoiserStage denoiser;

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
        this.shared =
                new Pretraining(
                        recipe, stream, drawingsSha256, work, from, keepLatents, progress, stop);
        this.tokenizer = new TokenizerStage(shared);
        this.vae = new VaeStage(shared);
        this.denoiser = new DenoiserStage(shared);
    }

    /**
     * Runs the wanted stages.
     *
     * @return whether all of them are finished; false when stopped
     */
    public boolean run(Set<Stage> stages) {
        ComponentFiles.makeFolder(shared.work());
        shared.from().ifPresent(this::takeOver);
        for (Stage s : Stage.values()) {
            if (!stages.contains(s) || isDone(s)) {
                continue;
            }
            boolean finished =
                    switch (s) {
                        case TOKENIZER -> tokenizer.run();
                        case VAE -> vae.run();
                        case UNET -> denoiser.run();
                    };
            if (!finished) {
                return false;
            }
            setDone(s);
        }
        return true;
    }

    /** Takes what is not trained from the base that is trained on. */
    private void takeOver(Path base) {
        if (!isDone(Stage.TOKENIZER)) {
            tokenizer.takeOver(base);
            setDone(Stage.TOKENIZER);
        }
        if (shared.recipe().vaeTraining().isEmpty() && !isDone(Stage.VAE)) {
            vae.takeOver(base);
            setDone(Stage.VAE);
        }
    }

    private boolean isDone(Stage s) {
        return Files.exists(done(s));
    }

    private void setDone(Stage s) {
        ComponentFiles.write(done(s), "done\n");
    }

    private Path done(Stage s) {
        return shared.work().resolve(s.name().toLowerCase(Locale.ROOT) + ".done");
    }

    /** Whether there is a denoiser to look at, be it that of a stopped run. */
    public boolean publishable() {
        return isDone(Stage.VAE)
                && Files.exists(shared.work().resolve(DenoiserStage.NAME).resolve("config.json"));
    }

    /**
     * Puts the finished components together as a pipeline in diffusers layout.
     *
     * @param base folder of the pipeline to be written; replaced when it exists
     */
    public void publish(Path base) {
        if (!publishable()) {
            throw new SoupException(
                    shared.work()
                            + " has no denoiser yet; run soup pretrain again and let it come to that.");
        }
        AtomicFiles.replaceFolder(
                base,
                ModelOutput.MODEL_FOLDER,
                folder -> {
                    for (String part : PARTS) {
                        ComponentFiles.copy(shared.work().resolve(part), folder.resolve(part));
                    }
                    Files.createDirectories(folder.resolve("scheduler"));
                    Files.writeString(
                            folder.resolve("scheduler/scheduler_config.json"),
                            JsonConfig.text(shared.recipe().scheduler()));
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
}
