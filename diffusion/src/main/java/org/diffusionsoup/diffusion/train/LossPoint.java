package org.diffusionsoup.diffusion.train;

/**
 * One optimizer step's record.
 *
 * @param step counted from 1
 * @param loss mean over the step's batches
 * @param gradientNorm before clipping
 * @param learningRate used
 * @param imagesPerSecond rows per second of wall clock; not part of the deterministic record
 */
public record LossPoint(
        long step, double loss, double gradientNorm, double learningRate, double imagesPerSecond) {}
