package org.diffusionsoup.diffusion.model;

import java.nio.file.Path;
import java.util.function.Function;
import org.diffusionsoup.core.tensor.TensorSource;

/** What is loaded in place of a component's stored weights, such as the same with LoRAs in them. */
@FunctionalInterface
public interface WeightsView {
    /** The weights as they are stored. */
    WeightsView STORED = (component, stored) -> stored;

    /**
     * What is read of a component.
     *
     * @param component its name, such as {@code unet}
     * @param stored its weights, under diffusers' names but for old autoencoders'; borrowed
     * @return the same names and shapes
     */
    TensorSource of(String component, TensorSource stored);

    /** The view of the component that lies in a folder of its name. */
    default Function<TensorSource, TensorSource> of(Path folder) {
        return stored -> of(String.valueOf(folder.getFileName()), stored);
    }
}
