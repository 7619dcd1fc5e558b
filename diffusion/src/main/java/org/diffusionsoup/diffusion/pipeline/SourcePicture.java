package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.Picture;

/**
 * Pictures as image to image takes them, prepared as diffusers' {@code VaeImageProcessor} does it.
 */
public final class SourcePicture {
    /** Grey from which a mask's pixel is painted, of 255. */
    private static final int PAINTED = 128;

    private SourcePicture() {}

    /**
     * The numbers of a picture, resized by PIL's Lanczos filter where it has another size.
     *
     * @param picture any mode; alpha is dropped
     * @return float32 (1, 3, height, width) in [-1, 1]
     */
    public static Tensor pixels(Picture picture, int width, int height) {
        byte[] rgb = picture.toRgb().resizeLanczos(width, height).samples();
        int plane = width * height;
        float[] planes = new float[3 * plane];
        for (int i = 0; i < plane; i++) {
            for (int c = 0; c < 3; c++) {
                planes[c * plane + i] = (rgb[3 * i + c] & 0xFF) / 255f * 2 - 1;
            }
        }
        return Tensor.of(planes).reshape(1, 3, height, width);
    }

    /**
     * The numbers of a mask, resized like a picture.
     *
     * @param picture any mode; alpha is dropped
     * @return float32 (1, 1, height, width): 1 where its grey is half of white or more, else 0
     */
    public static Tensor mask(Picture picture, int width, int height) {
        byte[] grey = picture.toGrey().resizeLanczos(width, height).samples();
        float[] mask = new float[grey.length];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = isPainted(grey[i]) ? 1 : 0;
        }
        return Tensor.of(mask).reshape(1, 1, height, width);
    }

    private static boolean isPainted(byte grey) {
        return (grey & 0xFF) >= PAINTED;
    }

    /** Whether a mask, not resized, has a pixel that is painted: half of white or more. */
    public static boolean isPainted(Picture mask) {
        for (byte grey : mask.toGrey().samples()) {
            if (isPainted(grey)) {
                return true;
            }
        }
        return false;
    }
}
