package org.diffusionsoup.workbench.generate;

import java.util.List;
import org.diffusionsoup.image.RgbImage;

/**
 * One model's pictures.
 *
 * @param name the model's
 * @param unetHash content hash of its UNet's weights
 * @param scheduler class name of the scheduler that was used
 * @param pictures per prompt, one per seed
 */
public record Drawn(String name, String unetHash, String scheduler, List<List<RgbImage>> pictures) {
    public Drawn {
        pictures = pictures.stream().map(List::copyOf).toList();
    }
}
