package org.diffusionsoup.workbench.generate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.model.WeightsView;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;

/**
 * What draws: a model, or several together ({@link EnsembleLoader}), with its weights in memory.
 *
 * @param name that pictures and messages carry
 * @param folders whose weights it draws with, in diffusers layout
 * @param with what besides the folders decides the pictures; empty for nothing
 * @param members what pictures say of the members of an ensemble and how they are weighed, by
 *     keyword; empty for one model
 * @param pipeline draws
 * @param changed whether its weights are no longer those of the folders, as with LoRAs in them
 * @param exchangeable weights that others may be put into, by component; empty for none
 * @param notes sentences on how it was put together
 * @param release frees the weights
 */
record LoadedModel(
        String name,
        List<Path> folders,
        String with,
        Map<String, String> members,
        TextToImagePipeline pipeline,
        boolean changed,
        Map<String, Parameters> exchangeable,
        List<String> notes,
        Runnable release) {

    /**
     * One model, with LoRAs in its weights.
     *
     * @param folder in diffusers layout
     * @param loras added up in this order
     * @param format that the weights are held in
     * @throws SoupException when the folder is not a model, or a LoRA does not suit it
     */
    static LoadedModel of(Path folder, List<LoraUse> loras, WeightFormat format) {
        DiffusersFolder.require(folder);
        TextToImagePipeline pipeline = pipeline(folder, loras, format);
        return new LoadedModel(
                ModelNames.of(folder),
                List.of(folder),
                "",
                Map.of(),
                pipeline,
                !loras.isEmpty(),
                Map.of(),
                List.of(),
                pipeline::close);
    }

    private static TextToImagePipeline pipeline(
            Path folder, List<LoraUse> loras, WeightFormat format) {
        if (loras.isEmpty()) {
            return TextToImagePipeline.load(folder, WeightsView.STORED.heldIn(format));
        }
        try (Checkpoint model = Checkpoint.open(folder);
                LoraUse.Open open = LoraUse.open(loras, model.parts())) {
            WeightsView fused = (name, stored) -> LoraFusion.component(name, stored, open.terms());
            return TextToImagePipeline.load(folder, fused.heldIn(format));
        }
    }

    /**
     * One model whose weights may be exchanged.
     *
     * @param folder of Stable Diffusion 1.x or 2.x, in diffusers layout
     * @param format that the weights are held in, those that are put in later, too
     * @throws SoupException when the folder is not a model
     */
    static LoadedModel exchangeable(Path folder, WeightFormat format) {
        DiffusersFolder.require(folder);
        StableDiffusion model = StableDiffusion.load(folder, WeightsView.STORED.heldIn(format));
        return new LoadedModel(
                ModelNames.of(folder),
                List.of(folder),
                "",
                Map.of(),
                new TextToImagePipeline(model),
                false,
                Map.of(
                        "unet", model.unet().parameters(),
                        "text_encoder", model.textEncoder().parameters(),
                        "vae", model.vae().parameters()),
                List.of(),
                model::close);
    }

    /** The same with these notes. */
    LoadedModel noting(List<String> sentences) {
        return new LoadedModel(
                name, folders, with, members, pipeline, changed, exchangeable, sentences, release);
    }

    /**
     * What progress calls it: under exchanged weights the folder's name would be another model's.
     */
    String label() {
        return exchangeable.isEmpty() ? name : "candidate";
    }

    /**
     * Hash of the weights that denoise, 64 hexadecimal digits: that of the UNet's; of several,
     * SHA-256 over theirs in order, with a line feed between them, and behind them {@link #with}.
     */
    String unetHash() {
        String lines =
                folders.stream()
                        .map(f -> f.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS))
                        .map(WeightsHash::of)
                        .collect(Collectors.joining("\n"));
        return folders.size() == 1
                ? lines
                : Hashes.sha256Hex((lines + with).getBytes(StandardCharsets.UTF_8));
    }
}
