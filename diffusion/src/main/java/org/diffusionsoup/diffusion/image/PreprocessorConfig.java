package org.diffusionsoup.diffusion.image;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;
import org.diffusionsoup.image.ImageException;

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

    private static final List<Double> NO_MEAN = List.of(0.0, 0.0, 0.0);
    private static final List<Double> NO_STD = List.of(1.0, 1.0, 1.0);

    private static final int PIL_BICUBIC = 3;
    private static final int CLIP_SIDE = 224;

    /** Checks the ranges. */
    public PreprocessorConfig {
        Ranges.check("size", shortestEdge, 1, Ranges.SIDE);
        Ranges.check("crop_size", cropHeight, 1, Ranges.SIDE);
        Ranges.check("crop_size", cropWidth, 1, Ranges.SIDE);
        Ranges.check("rescale_factor", rescaleFactor, 1e-9, 1e9);
        Ranges.check("image_mean's length", mean.size(), 3, 3);
        Ranges.check("image_std's length", std.size(), 3, 3);
        mean.forEach(m -> Ranges.check("image_mean", m, -1e6, 1e6));
        std.forEach(d -> Ranges.check("image_std", d, 1e-6, 1e6));
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
        JsonConfig c = JsonConfig.read(file);
        if (c.integer("resample", PIL_BICUBIC) != PIL_BICUBIC) {
            throw new ImageException(
                    file
                            + " asks for resample "
                            + c.node().path("resample")
                            + ", but only 3 (bicubic), CLIP's own, is supported.");
        }
        boolean normalises = c.flag("do_normalize", true);
        boolean rescales = c.flag("do_rescale", true);
        return c.checked(() ->
                new PreprocessorConfig(
                        c.flag("do_resize", true),
                        side(c, "size", "shortest_edge"),
                        c.flag("do_center_crop", true),
                        side(c, "crop_size", "height"),
                        side(c, "crop_size", "width"),
                        rescales ? c.number("rescale_factor", 1 / 255.0) : 1,
                        normalises ? three(c, "image_mean", CLIP_MEAN) : NO_MEAN,
                        normalises ? three(c, "image_std", CLIP_STD) : NO_STD));
    }

    /** Old configs give one number, newer ones an object. */
    private static int side(JsonConfig c, String field, String key) {
        if (!c.has(field)) {
            return CLIP_SIDE;
        }
        if (!c.node().get(field).isObject()) {
            return c.integer(field, CLIP_SIDE);
        }
        if (!c.sub(field).has(key)) {
            throw new ImageException(
                    "%s states the %s %s where \"%s\" is needed."
                            .formatted(c.source(), field, c.node().get(field), key));
        }
        return c.sub(field).integer(key, CLIP_SIDE);
    }

    private static List<Double> three(JsonConfig c, String field, List<Double> fallback) {
        return c.has(field) ? Arrays.stream(c.numbers(field)).boxed().toList() : fallback;
    }
}
