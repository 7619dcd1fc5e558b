package org.diffusionsoup.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.convert.TokenizerFiles;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.workbench.Progress;

/**
 * Makes a model of a published one's shape with random weights, as a diffusers folder: for trying
 * how much memory and time a size takes, where no weights are. It draws noise.
 */
public final class RandomModel {
    private RandomModel() {}

    /**
     * Writes the folder, tokenizers included. The same seed gives the same bytes.
     *
     * @param shape one of {@link UNetShape#names}
     * @param out a folder that is not there yet
     * @param dtype F16 or F32
     * @throws SoupException if there is no such shape, or something is at {@code out}
     */
    public static void write(String shape, Path out, DType dtype, long seed, Progress progress) {
        ModelOutput.MODEL.checkNew(out);
        List<String> components = PublishedModels.components(shape);
        progress.start("model of random weights", components.size(), "components");
        AtomicFiles.writeFolder(
                out,
                folder -> {
                    ObjectNode index = JsonConfig.object();
                    boolean xl = components.contains("text_encoder_2");
                    index.put(
                            "_class_name",
                            xl ? "StableDiffusionXLPipeline" : "StableDiffusionPipeline");
                    for (String component : components) {
                        JsonConfig config = PublishedModels.config(shape, component);
                        Path target = Files.createDirectories(folder.resolve(component));
                        ObjectNode own = config.node().deepCopy();
                        index.putArray(component)
                                .add(component.startsWith("text") ? "transformers" : "diffusers")
                                .add(className(component, own));
                        if (component.equals("scheduler")) {
                            write(target.resolve("scheduler_config.json"), own);
                        } else {
                            write(target.resolve("config.json"), own);
                            weights(component, config, target, dtype, seed);
                        }
                        if (component.startsWith("text_encoder")) {
                            String tokenizer = component.replace("text_encoder", "tokenizer");
                            index.putArray(tokenizer).add("transformers").add("CLIPTokenizer");
                            tokenizer(
                                    folder.resolve(tokenizer),
                                    shape.equals("sd-2.1") || component.endsWith("_2")
                                            ? "!"
                                            : "<|endoftext|>");
                        }
                        progress.advance(1);
                    }
                    write(folder.resolve("model_index.json"), index);
                });
    }

    private static String className(String component, ObjectNode config) {
        return switch (component) {
            case "unet" -> "UNet2DConditionModel";
            case "vae" -> "AutoencoderKL";
            case "scheduler" -> config.get("_class_name").asText();
            default -> config.get("architectures").get(0).asText();
        };
    }

    private static void weights(
            String component, JsonConfig config, Path folder, DType dtype, long seed) {
        boolean text = component.startsWith("text_encoder");
        try (Parameters parameters =
                switch (component) {
                    case "unet" -> new UNet2DConditionModel(UNetConfig.of(config)).parameters();
                    case "vae" -> new AutoencoderKL(VaeConfig.of(config)).parameters();
                    default ->
                            new ClipTextModel(
                                            ClipTextConfig.of(config),
                                            config.texts("architectures", List.of())
                                                    .contains("CLIPTextModelWithProjection"))
                                    .parameters();
                }) {
            Weights.saveInitial(
                    parameters,
                    folder.resolve(
                            text
                                    ? StableDiffusion.TRANSFORMERS_WEIGHTS
                                    : StableDiffusion.DIFFUSERS_WEIGHTS),
                    dtype,
                    seed,
                    Map.of("soup", SoupVersion.current() + " bench make-model"));
        }
    }

    private static void tokenizer(Path folder, String pad) throws IOException {
        Files.createDirectories(folder);
        for (Map.Entry<String, byte[]> file : TokenizerFiles.of(pad).entrySet()) {
            Files.write(folder.resolve(file.getKey()), file.getValue());
        }
    }

    private static void write(Path file, ObjectNode json) throws IOException {
        Files.writeString(file, JsonConfig.text(json));
    }
}
