package org.diffusionsoup.workbench.judges.train;

/**
 * Shape and regularisation of the judge's CLIP.
 *
 * @param imageSize height and width that pictures are brought to
 * @param patch height and width of a patch
 * @param width of the image tower
 * @param layers of the image tower
 * @param textWidth of the text tower
 * @param textLayers of the text tower
 * @param tokens longest text in tokens
 * @param projection width of the common space
 * @param strength of the changes to pictures
 * @param learningRate peak
 * @param weightDecay of AdamW
 */
public record ClipShape(
        int imageSize,
        int patch,
        int width,
        int layers,
        int textWidth,
        int textLayers,
        int tokens,
        int projection,
        double strength,
        double learningRate,
        double weightDecay) {
    /** Width of an attention head. */
    static final int HEAD = 32;

    /** The shape of {@code models/judge-clip}, chosen on a part of the training subjects. */
    public static final ClipShape EMBEDDED =
            new ClipShape(40, 8, 96, 4, 96, 2, 24, 96, 0.8, 2e-3, 0.2);

    /** The shape for scenes, which have small things at their sides: four times as many patches. */
    public static final ClipShape SCENES =
            new ClipShape(64, 8, 192, 4, 192, 2, 32, 192, 0, 1e-3, 0.1);
}
