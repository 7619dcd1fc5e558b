package org.diffusionsoup.diffusion.image;

/**
 * Normalised pixels as a model takes them.
 *
 * @param values row-major, NCHW
 * @param shape batch size, 3, height, width
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of bulk data on its way into a tensor
public record PixelTensor(float[] values, long[] shape) {}
