package org.diffusionsoup.diffusion.pipeline;

import java.util.List;
import java.util.stream.IntStream;
import org.diffusionsoup.diffusion.image.Picture;

/**
 * Generated pictures and the latents they were decoded from; plain memory, free of native tensors.
 *
 * @param count number of pictures N
 * @param height pixels
 * @param width pixels
 * @param pixels red, green, blue in [0, 1], (N, height, width, 3) row-major
 * @param latents final latents, (N, C, h, w) row-major
 * @param latentShape their shape
 */
public record GeneratedPictures(
        int count, int height, int width, float[] pixels, float[] latents, long[] latentShape) {

    /** One picture in 8 bits per sample, rounded half to even as the reference does. */
    public Picture picture(int index) {
        int size = height * width * 3;
        byte[] samples = new byte[size];
        for (int i = 0; i < size; i++) {
            samples[i] = (byte) (int) Math.rint(255f * pixels[index * size + i]);
        }
        return Picture.rgb(width, height, samples);
    }

    /** All pictures in 8 bits per sample. */
    public List<Picture> pictures() {
        return IntStream.range(0, count).mapToObj(this::picture).toList();
    }
}
