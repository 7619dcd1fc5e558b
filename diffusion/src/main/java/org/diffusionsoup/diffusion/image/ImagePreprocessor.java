package org.diffusionsoup.diffusion.image;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.image.ImageException;
import org.diffusionsoup.image.Picture;

/**
 * From pictures to the normalised pixel tensors that CLIP's image tower takes: the shorter side
 * resized, the centre cut out, samples rescaled and normalised.
 *
 * <p>Sources: the preprocessing of {@code openai/CLIP} (torchvision) and transformers' {@code
 * CLIPImageProcessor}; {@link Order} says which.
 */
public final class ImagePreprocessor {
    /** When colours are made of grey, alpha or a palette: the two sources differ there. */
    public enum Order {
        /** {@code openai/CLIP}: resizes the picture as stored, then converts it to RGB. */
        OPENAI,
        /** {@code transformers}: converts to RGB, then resizes. */
        HUGGING_FACE
    }

    private final PreprocessorConfig config;
    private final Order order;

    /**
     * Preprocessing as given.
     *
     * @param config sizes and normalisation
     * @param order whose order of steps
     */
    public ImagePreprocessor(PreprocessorConfig config, Order order) {
        this.config = config;
        this.order = order;
    }

    /**
     * Preprocessing as a model's folder states it.
     *
     * @param folder holds {@code preprocessor_config.json}
     * @param order whose order of steps
     * @return the preprocessor
     * @throws ImageException if the config is missing or malformed
     */
    public static ImagePreprocessor load(Path folder, Order order) {
        return new ImagePreprocessor(
                PreprocessorConfig.read(folder.resolve("preprocessor_config.json")), order);
    }

    /**
     * @return sizes and normalisation
     */
    public PreprocessorConfig config() {
        return config;
    }

    /**
     * @return whose order of steps
     */
    public Order order() {
        return order;
    }

    /**
     * Preprocesses one picture.
     *
     * @param picture in any mode
     * @return shape (1, 3, height, width)
     * @throws ImageException if it is smaller than the crop
     */
    public PixelTensor preprocess(Picture picture) {
        return preprocess(List.of(picture));
    }

    /**
     * Preprocesses a batch of pictures.
     *
     * @param pictures one or more, in any mode
     * @return shape (number of pictures, 3, height, width)
     * @throws ImageException if one is smaller than the crop
     * @throws IllegalArgumentException if there is none, or their sizes differ after the steps
     */
    public PixelTensor preprocess(List<Picture> pictures) {
        if (pictures.isEmpty()) {
            throw new IllegalArgumentException("There is no picture to preprocess.");
        }
        List<Picture> ready = pictures.stream().map(this::geometry).toList();
        int width = ready.getFirst().width();
        int height = ready.getFirst().height();
        int each = Math.multiplyExact(Math.multiplyExact(width, height), 3);
        float[] values = new float[Math.multiplyExact(each, ready.size())];
        for (int i = 0; i < ready.size(); i++) {
            Picture picture = ready.get(i);
            if (picture.width() != width || picture.height() != height) {
                throw new IllegalArgumentException(
                        "Without a crop, pictures of different sizes do not make a batch: "
                                + Arrays.toString(new int[] {width, height})
                                + " and "
                                + Arrays.toString(new int[] {picture.width(), picture.height()})
                                + ".");
            }
            normalise(picture.rawSamples(), values, i * each, width * height);
        }
        return new PixelTensor(values, new long[] {ready.size(), 3, height, width});
    }

    private Picture geometry(Picture picture) {
        Picture out = order == Order.HUGGING_FACE ? picture.toRgb() : picture;
        if (config.resizes()) {
            out = resize(out);
        }
        if (config.crops()) {
            out = crop(out);
        }
        return out.toRgb();
    }

    private Picture resize(Picture picture) {
        int shorter = Math.min(picture.width(), picture.height());
        int longer = Math.max(picture.width(), picture.height());
        int wanted = config.shortestEdge();
        // Rounded down by both sources.
        int follows = Math.toIntExact((long) ((double) ((long) wanted * longer) / shorter));
        return picture.width() <= picture.height()
                ? picture.resizeBicubic(wanted, follows)
                : picture.resizeBicubic(follows, wanted);
    }

    private Picture crop(Picture picture) {
        int spareColumns = picture.width() - config.cropWidth();
        int spareRows = picture.height() - config.cropHeight();
        if (spareColumns < 0 || spareRows < 0) {
            throw new ImageException(
                    String.format(
                            "A picture of %dx%d pixels is too small for the crop to %dx%d.",
                            picture.width(),
                            picture.height(),
                            config.cropWidth(),
                            config.cropHeight()));
        }
        return picture.crop(
                half(spareColumns), half(spareRows), config.cropWidth(), config.cropHeight());
    }

    /** torchvision rounds a half to the even neighbour, transformers rounds it down. */
    private int half(int spare) {
        return switch (order) {
            case OPENAI -> (int) Math.rint(spare / 2.0);
            case HUGGING_FACE -> spare / 2;
        };
    }

    private void normalise(byte[] rgb, float[] out, int offset, int pixels) {
        for (int channel = 0; channel < 3; channel++) {
            float mean = config.mean().get(channel).floatValue();
            float std = config.std().get(channel).floatValue();
            float[] table = new float[256];
            for (int sample = 0; sample < 256; sample++) {
                // The sources' precision: product in float64, the rest in float32.
                float rescaled = (float) (sample * config.rescaleFactor());
                table[sample] = (rescaled - mean) / std;
            }
            for (int i = 0; i < pixels; i++) {
                out[offset + channel * pixels + i] = table[rgb[3 * i + channel] & 0xFF];
            }
        }
    }
}
