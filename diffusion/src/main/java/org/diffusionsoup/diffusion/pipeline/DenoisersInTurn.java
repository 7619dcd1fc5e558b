package org.diffusionsoup.diffusion.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.MappedWeights;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;

/**
 * The denoisers of several models that take turns in one UNet: an ensemble in one model's memory
 * instead of n models' (paper, Section 5.2), at the price of copying a model's weights for each of
 * its predictions. The predictions are those of UNets of their own, to the bit.
 *
 * <p>Not for use by several threads at once.
 */
public final class DenoisersInTurn implements AutoCloseable {
    private final NoisePredictor one;
    private final List<MappedWeights> weights = new ArrayList<>();
    private int loaded;

    /**
     * @param unet with the first model's weights in it, which are overwritten; whoever loaded it
     *     frees it
     * @param folders the models' {@code unet} folders, the first one's included
     * @throws SoupException if a model is of another architecture than the first, or its weights
     *     cannot be read
     */
    public DenoisersInTurn(UNet2DConditionModel unet, List<Path> folders) {
        one = NoisePredictor.of(unet);
        UNetConfig first = StableDiffusion.unetConfig(folders.getFirst());
        try {
            for (Path folder : folders) {
                if (!StableDiffusion.unetConfig(folder).equals(first)) {
                    throw new UnsupportedConfigException(
                            "%s and %s differ in their config.json; models that take turns in one UNet are of one architecture."
                                    .formatted(folders.getFirst(), folder));
                }
                weights.add(StableDiffusion.mappedUnet(unet, folder));
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** The models' denoisers, in the order of their folders. */
    public List<NoisePredictor> members() {
        return IntStream.range(0, weights.size()).mapToObj(this::member).toList();
    }

    private NoisePredictor member(int i) {
        return (x, timestep, c) -> {
            if (loaded != i) {
                loaded = -1; // until all of it is there
                weights.get(i).load();
                loaded = i;
            }
            return one.predict(x, timestep, c);
        };
    }

    /** Closes the files. */
    @Override
    public void close() {
        weights.forEach(MappedWeights::close);
    }
}
