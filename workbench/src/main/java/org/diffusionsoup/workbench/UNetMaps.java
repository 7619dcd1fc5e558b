package org.diffusionsoup.workbench;

import java.util.List;
import org.diffusionsoup.diffusion.unet.UNetConfig;

/** How many values the layers of a UNet make in one forward pass, from their shapes alone. */
public final class UNetMaps {
    private static final long OF_RESNET = 8;
    private static final long OF_TRANSFORMER = 40;
    private static final long OF_UPSAMPLING = 3;

    private UNetMaps() {}

    /**
     * Values for one square latent, all layers' together: what a forward pass holds for the
     * backward pass.
     *
     * @param side of the latent; a double, as absurd sizes go beyond a long
     */
    public static double values(UNetConfig unet, double side) {
        double values = 0;
        List<Integer> channels = unet.blockOutChannels();
        for (int level = 0; level < channels.size(); level++) {
            double pixels = side * side / (1L << (2 * level));
            boolean attends = unet.downBlockTypes().get(level).startsWith("CrossAttn");
            long maps =
                    OF_RESNET
                            + OF_UPSAMPLING
                            + (attends ? OF_TRANSFORMER * unet.transformerLayers().get(level) : 0);
            values += pixels * channels.get(level) * maps * (2 * unet.layersPerBlock() + 1);
        }
        return values;
    }

    /**
     * Values for one square latent that a pass with gradient checkpointing holds: every segment's
     * output (ResNet blocks, the parts of a transformer, samplers), and of the largest segment all
     * values with as many of their gradients.
     *
     * @param side of the latent
     */
    public static double recomputed(UNetConfig unet, double side) {
        return segments(unet, side, 2);
    }

    /**
     * Values for one square latent that a pass without gradients holds: every segment's output, and
     * of the largest segment all values.
     *
     * @param side of the latent
     */
    public static double drawn(UNetConfig unet, double side) {
        return segments(unet, side, 1);
    }

    private static double segments(UNetConfig unet, double side, int timesLargest) {
        double outputs = 0;
        double largest = 0;
        List<Integer> channels = unet.blockOutChannels();
        for (int level = 0; level < channels.size(); level++) {
            double map = side * side / (1L << (2 * level)) * channels.get(level);
            boolean attends = unet.downBlockTypes().get(level).startsWith("CrossAttn");
            int segments = 2 + (attends ? 2 + unet.transformerLayers().get(level) : 0);
            outputs += map * segments * (2 * unet.layersPerBlock() + 1);
            largest = Math.max(largest, map * (attends ? OF_TRANSFORMER : OF_RESNET));
        }
        return outputs + timesLargest * largest;
    }
}
