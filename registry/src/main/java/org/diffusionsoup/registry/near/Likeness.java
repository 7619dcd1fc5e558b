package org.diffusionsoup.registry.near;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Tells whether pictures whose recorded hashes are near are alike, by looking at them. The ledger
 * keeps no more of a picture than hashes, so whoever can read pictures has to look.
 */
public interface Likeness {
    /** Bits of their hashes in which pictures worth looking at may differ, 0 to 15. */
    int maxBits();

    /** The measure with its thresholds, in words, for the ledger and certificates. */
    String method();

    /**
     * Looks at pairs.
     *
     * @return one for each, in their order; empty where a picture cannot be read any more
     */
    List<Optional<Look>> look(List<Pair> pairs);

    /**
     * A picture.
     *
     * @param source where its shard lies, as recorded
     * @param sha256 of its file
     */
    record Picture(String source, String sha256) {}

    /**
     * Two pictures with near hashes.
     *
     * @param bits that differ
     */
    record Pair(Picture one, Picture other, int bits) {}

    /**
     * What two pictures look like.
     *
     * @param alike whether they pass all tests
     * @param difference of their colours, 0 to 1
     * @param distance of what a model sees in them; empty without one
     */
    record Look(boolean alike, double difference, OptionalDouble distance) {}
}
