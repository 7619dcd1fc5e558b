package org.diffusionsoup.diffusion.model;

import java.nio.file.Path;
import java.util.function.Function;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.nn.WeightFormat;

/**
 * What is loaded in place of a component's stored weights, such as the same with LoRAs in them, and
 * the format in which it is then held.
 */
@FunctionalInterface
public interface WeightsView {
    /** The weights as they are stored. */
    WeightsView STORED = (component, stored) -> stored;

    /**
     * What is read of a component.
     *
     * @param component its name, such as {@code unet}
     * @param stored its weights, under diffusers' names; borrowed
     * @return the same names and shapes
     */
    TensorSource of(String component, TensorSource stored);

    /** The format that the weights are held in, to which they are rounded. */
    default WeightFormat format() {
        return WeightFormat.F32;
    }

    /** The same weights held in a format of choice. */
    default WeightsView heldIn(WeightFormat format) {
        return new Held(this, format);
    }

    /**
     * A view's weights in a format.
     *
     * @param values the view
     * @param format it is held in
     */
    record Held(WeightsView values, WeightFormat format) implements WeightsView {
        @Override
        public TensorSource of(String component, TensorSource stored) {
            return values.of(component, stored);
        }
    }

    /** The view of the component that lies in a folder of its name, under today's names. */
    default Function<TensorSource, TensorSource> of(Path folder) {
        return stored -> of(String.valueOf(folder.getFileName()), TensorNames.today(stored));
    }
}
