package org.diffusionsoup.diffusion.image;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a CLIP {@code preprocessor_config.json} says.
 *
 * @param resizes whether to resize
 * @param shortestEdge wanted length of the shorter side in pixels; the longer side follows
 * @param crops whether to cut out the centre
 * @param cropHeight rows to keep
 * @param cropWidth columns to keep
 * @param rescaleFactor what 8-bit samples are multiplied with, 1 for none
 * @param mean subtracted from red, green and blue after rescaling
 * @param std what red, green and blue are then divided by
 */
public record PreprocessorConfig(
        boolean resizes,
        int shortestEdge,
        boolean crops,
        int cropHeight,
        int cropWidth,
        double rescaleFactor,
        List<Double> mean,
        List<Double> std) {

    /** OpenAI's means of red, green and blue over CLIP's training pictures. */
    private static final List<Double> CLIP_MEAN = List.of(0.48145466, 0.4578275, 0.40821073);

    private static final List<Double> CLIP_STD = List.of(0.26862954, 0.26130258, 0.27577711);

    private static final int PIL_BICUBIC = 3;
    private static final int CLIP_SIDE = 224;

    /** Checks the ranges. */
    public PreprocessorConfig {
        if (shortestEdge < 1 || cropHeight < 1 || cropWidth < 1) {
            throw new IllegalArgumentException("Sizes must be at least one pixel.");
        }
        if (mean.size() != 3 || std.size() != 3 || std.contains(0.0)) {
            throw new IllegalArgumentException(
                    "Mean and standard deviation need three numbers each, deviations not 0.");
        }
        mean = List.copyOf(mean);
        std = List.copyOf(std);
    }

    /**
     * CLIP's own preprocessing for a side length.
     *
     * @param side height and width of the model's pictures in pixels
     * @return resize, centre crop, rescale to [0, 1], CLIP's normalisation
     */
    public static PreprocessorConfig clip(int side) {
        return new PreprocessorConfig(true, side, true, side, side, 1 / 255.0, CLIP_MEAN, CLIP_STD);
    }

    /**
     * Reads a config.
     *
     * @param file {@code preprocessor_config.json}
     * @return what it says, CLIP's values where it says nothing
     * @throws ImageException if it is missing, malformed or asks for another resampling
     */
    public static PreprocessorConfig read(Path file) {
        JsonNode json = parse(file);
        if (json.path("resample").asInt(PIL_BICUBIC) != PIL_BICUBIC) {
            throw new ImageException(
                    file
                            + " asks for resample "
                            + json.path("resample")
                            + ", but only 3 (bicubic), CLIP's own, is supported.");
        }
        boolean normalises = json.path("do_normalize").asBoolean(true);
        boolean rescales = json.path("do_rescale").asBoolean(true);
        try {
            return new PreprocessorConfig(
                    json.path("do_resize").asBoolean(true),
                    side(json.path("size"), "shortest_edge", file),
                    json.path("do_center_crop").asBoolean(true),
                    side(json.path("crop_size"), "height", file),
                    side(json.path("crop_size"), "width", file),
                    rescales ? json.path("rescale_factor").asDouble(1 / 255.0) : 1,
                    normalises ? three(json.path("image_mean"), CLIP_MEAN) : List.of(0.0, 0.0, 0.0),
                    normalises ? three(json.path("image_std"), CLIP_STD) : List.of(1.0, 1.0, 1.0));
        } catch (IllegalArgumentException e) {
            throw new ImageException(file + " cannot be used: " + e.getMessage(), e);
        }
    }

    private static JsonNode parse(Path file) {
        try {
            JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
            if (json == null || !json.isObject()) {
                throw new ImageException(file + " must hold a JSON object.");
            }
            return json;
        } catch (JacksonException e) {
            throw new ImageException(
                    file + " is not valid JSON (" + e.getOriginalMessage() + "): copy it again.",
                    e);
        } catch (IOException e) {
            throw new ImageException(
                    file + " cannot be read: copy it from the model's own folder.", e);
        }
    }

    /** Old configs give one number, newer ones an object. */
    private static int side(JsonNode size, String key, Path file) {
        if (size.isMissingNode()) {
            return CLIP_SIDE;
        }
        JsonNode value = size.isObject() ? size.path(key) : size;
        if (!value.isInt()) {
            throw new ImageException(
                    file + " states the size " + size + " where \"" + key + "\" is needed.");
        }
        return value.asInt();
    }

    private static List<Double> three(JsonNode list, List<Double> fallback) {
        if (!list.isArray()) {
            return fallback;
        }
        List<Double> out = new ArrayList<>();
        list.forEach(value -> out.add(value.asDouble()));
        return out;
    }
}
