package org.diffusionsoup.diffusion.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.MappedWeights;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;

/**
 * The components of a Stable Diffusion pipeline (1.x, 2.x, and for training XL), loaded from a
 * diffusers folder.
 *
 * @param folder where it was loaded from
 * @param tokenizer of the prompts
 * @param textEncoder prompts to embeddings
 * @param vae pictures to latents and back
 * @param unet the denoiser
 * @param scheduler the scheduler's config, with what the model predicts and the noise schedule
 * @param second SDXL's second text encoder, empty for others
 */
public record StableDiffusion(
        Path folder,
        ClipTokenizer tokenizer,
        ClipTextModel textEncoder,
        AutoencoderKL vae,
        UNet2DConditionModel unet,
        SchedulerConfig scheduler,
        Optional<SecondEncoder> second)
        implements AutoCloseable {

    private static final Set<String> KINDS =
            Set.of("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline");

    private static final Set<String> XL =
            Set.of("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline");

    /**
     * SDXL's second text encoder.
     *
     * @param tokenizer of its prompts
     * @param encoder with a projection
     * @param zerosWithoutPrompt whether a missing negative prompt is all zeros instead of the empty
     *     prompt ({@code force_zeros_for_empty_prompt})
     */
    public record SecondEncoder(
            ClipTokenizer tokenizer, ClipTextModel encoder, boolean zerosWithoutPrompt) {}

    /** File name of diffusers' UNet and autoencoder weights. */
    public static final String DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors";

    /** File name of transformers' weights. */
    public static final String TRANSFORMERS_WEIGHTS = "model.safetensors";

    /**
     * Loads every component into memory as float32, of a model whose UNet takes latents alone.
     *
     * @throws SoupException when the folder is not a pipeline of this kind
     */
    public static StableDiffusion load(Path folder) {
        require(folder);
        return load(folder, WeightsView.STORED);
    }

    /**
     * Refuses what {@link #load(Path)} does not take, by its configurations alone.
     *
     * @throws SoupException when the folder is not a pipeline of this kind, its components do not
     *     belong together, or its UNet takes more than latents
     */
    public static void require(Path folder) {
        DiffusersFolder.require(folder);
        requireKind(folder, KINDS);
        ComponentFit.requireAll(folder);
        requireLatentsOnly(folder);
    }

    /**
     * The same with weights as a view shows them, and in its format.
     *
     * @throws SoupException when the folder is not a pipeline of this kind
     */
    public static StableDiffusion load(Path folder, WeightsView view) {
        DiffusersFolder.require(folder);
        return load(folder, view, KINDS);
    }

    /**
     * The same for a model that may be SDXL.
     *
     * @throws SoupException when the folder is not a pipeline of these kinds
     */
    public static StableDiffusion loadForTraining(Path folder) {
        requireForTraining(folder);
        return load(folder, WeightsView.STORED, trainable());
    }

    /**
     * Refuses what {@link #loadForTraining} does not take, by its configurations and the headers of
     * its weights.
     *
     * @throws SoupException when the folder is not a pipeline of these kinds, its components do not
     *     belong together, its UNet takes more than latents, or weights are of a type that models
     *     are not run from or not those that the configurations describe
     */
    public static void requireForTraining(Path folder) {
        DiffusersFolder.require(folder);
        requireKind(folder, trainable());
        ComponentFit.requireAll(folder);
        requireLatentsOnly(folder);
        requireRunnableWeights(folder);
        WeightsFit.require(folder);
    }

    /** Refuses weights of a type that models are not run from, in the components that are there. */
    private static void requireRunnableWeights(Path folder) {
        for (String part : List.of("text_encoder", "text_encoder_2", "unet", "vae")) {
            for (String name : List.of(DIFFUSERS_WEIGHTS, TRANSFORMERS_WEIGHTS)) {
                Path file = folder.resolve(part).resolve(name);
                if (Files.isRegularFile(file)) {
                    Weights.requireRunnable(file);
                }
            }
        }
    }

    /** Refuses a UNet that takes a mask and a picture, which nobody but a painter gives it. */
    private static void requireLatentsOnly(Path folder) {
        JsonConfig unet = JsonConfig.read(folder.resolve("unet").resolve("config.json"));
        JsonConfig vae = JsonConfig.read(folder.resolve("vae").resolve("config.json"));
        int takes = unet.integer("in_channels", 4);
        int latent = vae.integer("latent_channels", 4);
        if (takes != latent) {
            throw new UnsupportedConfigException(
                    "%s: in_channels is %d, and %s: latent_channels is %d: this UNet paints into a picture and takes it and a mask beside the latents, which this command does not give it; name a model whose UNet takes %d."
                            .formatted(unet.source(), takes, vae.source(), latent, latent));
        }
    }

    private static Set<String> trainable() {
        Set<String> kinds = new HashSet<>(KINDS);
        kinds.addAll(XL);
        return kinds;
    }

    /**
     * The same for a model that may have been made to paint into pictures, whose UNet takes a mask
     * and a picture beside the latents.
     *
     * @param view what is loaded in place of the stored weights
     * @throws SoupException when the folder is not a pipeline of this kind
     */
    public static StableDiffusion loadWithInpainting(Path folder, WeightsView view) {
        DiffusersFolder.require(folder);
        return load(
                folder,
                view,
                Set.of(
                        "StableDiffusionPipeline",
                        "StableDiffusionImg2ImgPipeline",
                        "StableDiffusionInpaintPipeline"));
    }

    /** Whether a folder's index says that it is Stable Diffusion XL, with two text encoders. */
    public static boolean isXl(Path folder) {
        JsonConfig index = JsonConfig.read(folder.resolve("model_index.json"));
        return XL.contains(index.text("_class_name", ""));
    }

    private static JsonConfig requireKind(Path folder, Set<String> kinds) {
        JsonConfig index = JsonConfig.read(folder.resolve("model_index.json"));
        String kind = index.text("_class_name", "");
        if (!kinds.contains(kind)) {
            throw new SoupException(
                    folder
                            + "/model_index.json says "
                            + kind
                            + "; StableDiffusionPipeline (SD 1.x, 2.x and the embedded base)"
                            + (kinds.containsAll(XL) ? " or StableDiffusionXLPipeline" : "")
                            + " is what this command works on.");
        }
        return index;
    }

    private static StableDiffusion load(Path folder, WeightsView view, Set<String> kinds) {
        JsonConfig index = requireKind(folder, kinds);
        ComponentFit.require(folder);
        Path tokens = folder.resolve("tokenizer");
        ClipTokenizer tokenizer = ClipTokenizer.load(tokens);
        TokenizerFit.require(tokens, tokenizer, folder.resolve("text_encoder"));
        return new StableDiffusion(
                folder,
                tokenizer,
                textEncoder(folder.resolve("text_encoder"), view),
                vae(folder.resolve("vae"), view),
                unet(folder.resolve("unet"), view),
                SchedulerConfig.ofModel(folder),
                XL.contains(index.text("_class_name", ""))
                        ? Optional.of(second(folder, index, view))
                        : Optional.empty());
    }

    private static SecondEncoder second(Path folder, JsonConfig index, WeightsView view) {
        Path tokens = folder.resolve("tokenizer_2");
        Path encoder = folder.resolve("text_encoder_2");
        ClipTokenizer tokenizer = ClipTokenizer.load(tokens);
        TokenizerFit.require(tokens, tokenizer, encoder);
        return new SecondEncoder(
                tokenizer,
                textEncoder(encoder, view),
                index.flag("force_zeros_for_empty_prompt", true));
    }

    /**
     * The file of a component's weights.
     *
     * @param component its folder in the pipeline's
     * @param name of the file
     * @throws SoupException if the weights lie in several files, or under another name
     */
    private static Path weights(Path component, String name) {
        Path file = component.resolve(name);
        if (Files.isRegularFile(file)) {
            return file;
        }
        Path model = component.resolveSibling("");
        Path whole = Path.of(model + "-whole");
        try (Stream<Path> all = Files.list(component)) {
            Optional<String> other =
                    all.map(f -> String.valueOf(f.getFileName()))
                            .filter(f -> f.matches("(?s).*\\.(safetensors|bin)(\\.index.*)?"))
                            .min(Comparator.naturalOrder());
            throw new SoupException(
                    other.map(o ->
                                    "%s has its weights in %s instead of %s, and models are run from the latter; 'soup merge %s `out` %s' writes them so."
                                            .formatted(component, o, name, model, whole))
                            .orElse(
                                    "%s has no weights: there is no %s in it; put it back or download the model again."
                                            .formatted(component, name)));
        } catch (IOException e) {
            throw new SoupIoException("read", component, e);
        }
    }

    /** The architecture of a {@code unet} folder. */
    public static UNetConfig unetConfig(Path folder) {
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        return config.checked(() -> UNetConfig.of(config));
    }

    /**
     * Opens the weights of a {@code unet} folder, to be put into a UNet that is there.
     *
     * @param unet whose weights are overwritten at every load
     * @throws SoupException if the weights are not there or do not fit
     */
    public static MappedWeights mappedUnet(UNet2DConditionModel unet, Path folder) {
        return MappedWeights.open(unet.parameters(), weights(folder, DIFFUSERS_WEIGHTS));
    }

    /** Loads a {@code unet} folder. */
    public static UNet2DConditionModel unet(Path folder) {
        return unet(folder, WeightsView.STORED);
    }

    /** The same with weights as a view shows them. */
    public static UNet2DConditionModel unet(Path folder, WeightsView view) {
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        UNet2DConditionModel unet =
                config.checked(
                        () -> new UNet2DConditionModel(UNetConfig.of(config), view.format()));
        Weights.load(unet.parameters(), weights(folder, DIFFUSERS_WEIGHTS), view.of(folder));
        return unet;
    }

    /** Loads a {@code vae} folder. */
    public static AutoencoderKL vae(Path folder) {
        return vae(folder, WeightsView.STORED);
    }

    /** The same with weights as a view shows them. */
    public static AutoencoderKL vae(Path folder, WeightsView view) {
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        AutoencoderKL vae =
                config.checked(() -> new AutoencoderKL(VaeConfig.of(config), view.format()));
        Weights.load(vae.parameters(), weights(folder, DIFFUSERS_WEIGHTS), view.of(folder));
        return vae;
    }

    /** Loads a {@code text_encoder} folder. */
    public static ClipTextModel textEncoder(Path folder) {
        return textEncoder(folder, WeightsView.STORED);
    }

    /** The same with weights as a view shows them. */
    public static ClipTextModel textEncoder(Path folder, WeightsView view) {
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        ClipTextModel text =
                config.checked(() ->
                        new ClipTextModel(
                                ClipTextConfig.of(config),
                                ClipTextConfig.isProjected(config),
                                view.format()));
        Weights.load(text.parameters(), weights(folder, TRANSFORMERS_WEIGHTS), view.of(folder));
        return text;
    }

    /** Whether all weights are numbers, as far as their sum tells: neither NaN nor infinite. */
    public boolean isFinite() {
        return unet.parameters().isFinite()
                && vae.parameters().isFinite()
                && textEncoder.parameters().isFinite()
                && second.map(s -> s.encoder().parameters().isFinite()).orElse(true);
    }

    /** Frees all weights but the UNet's, once nothing is to be encoded any more. */
    public void closeEncoders() {
        textEncoder.parameters().close();
        second.ifPresent(s -> s.encoder().parameters().close());
        vae.parameters().close();
    }

    /** Frees all weights. */
    @Override
    public void close() {
        closeEncoders();
        unet.parameters().close();
    }
}
