package org.diffusionsoup.workbench.judges;

/**
 * Shape and regularisation of the judge's CLIP.
 *
 * @param imageSize height and width that pictures are brought to
 * @param patch height and width of a patch
 * @param width of the image tower
 * @param layers of the image tower
 * @param textWidth of the text tower
 * @param textLayers of the text tower
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
        double strength,
        double learningRate,
        double weightDecay) {
    /** Width of an attention head. */
    static final int HEAD = 32;

    /** Longest text in tokens. */
    static final int TOKENS = 24;

    /** Width of the common space. */
    static final int PROJECTION = 96;

    /** The shape of {@code models/judge-clip}, chosen on a part of the training subjects. */
    public static final ClipShape EMBEDDED = new ClipShape(40, 8, 96, 4, 96, 2, 0.8, 2e-3, 0.2);
}
