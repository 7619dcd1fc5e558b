package org.diffusionsoup.workbench.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.StreamSupport;
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

    private static final JsonNode KNOWN = known();

    /** The names that {@link #named} takes: published models whose configs are carried along. */
    public static List<String> names() {
        return StreamSupport.stream(((Iterable<String>) KNOWN::fieldNames).spliterator(), false)
                .toList();
    }

    /**
     * A published model's.
     *
     * @param name one of {@link #names}
     * @throws SoupException if it is none of them
     */
    public static UNetShape named(String name) {
        JsonNode config = KNOWN.get(name);
        if (config == null) {
            throw new SoupException(
                    "there is no shape '%s'; there are %s."
                            .formatted(name, String.join(", ", names())));
        }
        return new UNetShape(name, UNetConfig.of(new JsonConfig(name, config)), CLIP_TOKENS);
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

    private static JsonNode known() {
        try (InputStream in =
                Objects.requireNonNull(UNetShape.class.getResourceAsStream("unet-configs.json"))) {
            return JsonConfig.MAPPER.readTree(in);
        } catch (IOException e) {
            throw new SoupException("the shapes of published models cannot be read.", e);
        }
    }
}
