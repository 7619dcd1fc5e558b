package org.diffusionsoup.workbench.registry;

import java.util.Optional;
import org.diffusionsoup.data.curate.PerceptualHash;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.registry.arrival.NewShard;

/**
 * What the ledger keeps of a picture's looks: the hash that {@code soup data dedup} starts from.
 */
final class Fingerprint {
    private Fingerprint() {}

    /** Empty for a picture without a shape, whose hash says nothing. */
    static Optional<String> of(RgbImage image) {
        long hash = PerceptualHash.of(image);
        return PerceptualHash.isPlain(hash)
                ? Optional.empty()
                : Optional.of(NewShard.Sample.fingerprint(hash));
    }
}
