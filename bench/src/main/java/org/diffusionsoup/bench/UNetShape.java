package org.diffusionsoup.bench;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.unet.UNetConfig;

/**
 * The shape of a UNet and of the text it attends to: all that decides how long it takes.
 *
 * @param name for people, such as {@code sd-2.1}
 * @param config of the UNet
 * @param tokens of a text
 */
public record UNetShape(String name, UNetConfig config, int tokens) {
    /** Tokens of a prompt of Stable Diffusion. */
    private static final int CLIP_TOKENS = 77;

    /** The names that {@link #named} takes: published models whose configs are carried along. */
    public static List<String> names() {
        return PublishedModels.names();
    }

    /**
     * A published model's.
     *
     * @param name one of {@link #names}
     * @throws SoupException if it is none of them
     */
    public static UNetShape named(String name) {
        return new UNetShape(
                name, UNetConfig.of(PublishedModels.config(name, "unet")), CLIP_TOKENS);
    }

    /**
     * A model's on disk; its weights are not read.
     *
     * @param folder in diffusers layout
     * @throws SoupException if its configs cannot be read
     */
    public static UNetShape of(Path folder) {
        JsonConfig unet = JsonConfig.read(folder.resolve("unet/config.json"));
        JsonConfig text = JsonConfig.read(folder.resolve("text_encoder/config.json"));
        return new UNetShape(
                folder.toString(),
                unet.checked(() -> UNetConfig.of(unet)),
                text.checked(() -> ClipTextConfig.of(text).maxPositions()));
    }

    /** Whether it takes a second text and picture sizes, as SDXL does. */
    public boolean hasAddedConditions() {
        return config.additionTimeEmbedDim() > 0;
    }

    /** Side of the latents that it was trained on, 64 where its config does not say. */
    public int side() {
        return config.sampleSize() > 0 ? config.sampleSize() : 64;
    }
}
