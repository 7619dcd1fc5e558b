package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.image.Picture;

/**
 * How large pictures of one model are, how many are drawn together, and whether that fits into
 * memory: decided before anything is drawn.
 */
final class DrawingPlan {
    private final String name;
    private final GenerateSettings settings;
    private final int trained;
    private final PictureSize size;
    private final StoredWeights stored;
    private final DrawingCost cost;

    /**
     * @param trained side of the pictures that the model was trained on, in pixels
     * @throws SoupException if the settings do not suit the model, or one picture does not fit into
     *     the memory that is free
     */
    DrawingPlan(LoadedModel model, GenerateSettings settings, int trained) {
        this.name = model.name();
        this.settings = settings;
        this.trained = trained;
        Path folder = model.folders().getFirst();
        UNetConfig unet = UNetConfig.of(JsonConfig.read(folder.resolve("unet/config.json")));
        VaeConfig vae = VaeConfig.of(JsonConfig.read(folder.resolve("vae/config.json")));
        // Each level of the UNet but the last halves the latents, on top of the autoencoder.
        int latentPixels = trained / unet.sampleSize();
        int divisor = latentPixels << (unet.blockOutChannels().size() - 1);
        size = size(divisor);
        stored = StoredWeights.of(model.folders());
        cost = new DrawingCost(unet, vae, divisor, widened());
        cost.check(size, 1, isGuided());
    }

    private PictureSize size(int divisor) {
        Optional<PictureSize> wanted = settings.size();
        if (wanted.isEmpty() && settings.source().isPresent()) {
            Picture begin = settings.source().get().image();
            int width = begin.width() / divisor * divisor;
            int height = begin.height() / divisor * divisor;
            if (width == 0 || height == 0) {
                throw new SoupException(
                        "The picture of %dx%d pixels is too small for %s; give one of at least %d in both directions, or a `size`."
                                .formatted(begin.width(), begin.height(), name, divisor));
            }
            return new PictureSize(width, height);
        }
        PictureSize size = wanted.orElseGet(() -> PictureSize.square(trained));
        if (size.width() % divisor != 0 || size.height() % divisor != 0) {
            throw new SoupException(
                    "`size` %s does not suit %s; give %s of %d."
                            .formatted(
                                    size.text(),
                                    name,
                                    size.width() == size.height() ? "a multiple" : "multiples",
                                    divisor));
        }
        return size;
    }

    /** Bytes of the largest float32 copy that a layer makes of its weights. */
    private long widened() {
        return settings.weights().isHalf() ? Float.BYTES * stored.largest() : 0;
    }

    PictureSize size() {
        return size;
    }

    SamplingOptions options() {
        return options(settings.steps());
    }

    /** The same in fewer steps. */
    SamplingOptions options(int steps) {
        return new SamplingOptions(
                steps,
                settings.guidance(),
                0,
                settings.negativePrompt(),
                size.height(),
                size.width());
    }

    private boolean isGuided() {
        return settings.guidance() > 1;
    }

    /**
     * Refuses what does not fit into memory.
     *
     * @throws SoupException saying what would
     */
    void checkMemory(int pictures) {
        DrawingCost.checkKept(pictures, size);
        cost.check(size, Math.min(settings.batch(), pictures), isGuided());
    }

    /**
     * Whether weights are rounded, a mask paints nothing, and the size is not the model's own:
     * sentences.
     */
    List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (stored.isRounded(settings.weights().dtype()) && settings.weights().isHalf()) {
            notes.add(
                    "The weights are rounded from %s, as files have them, to %s; pictures differ from those of `dtype` F32."
                            .formatted(
                                    stored.dtypes().stream()
                                            .map(DType::safetensorsName)
                                            .collect(Collectors.joining(" and ")),
                                    settings.weights()));
        }
        if (settings.source().filter(Source::paintsNothing).isPresent()) {
            notes.add(
                    "`mask` is black, so nothing is painted; what is to be painted has to be white.");
        }
        if (size.equals(PictureSize.square(trained))) {
            return notes;
        }
        String help = settings.size().isPresent() ? "leave `size` out" : "give `size` " + trained;
        notes.add(
                "The pictures are %dx%d pixels, the model was trained on %dx%d: expect repeated or broken subjects, or %s."
                        .formatted(size.width(), size.height(), trained, trained, help));
        return notes;
    }
}
