package org.diffusionsoup.data.scene;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** Generators and hashes that are the same on every machine and in every release. */
final class Seeds {
    private Seeds() {}

    /** A generator of its own for every pair of seed and purpose. */
    static RandomGenerator random(long seed, long purpose) {
        return new SplittableRandom(mix(seed + 0x9E3779B97F4A7C15L * (purpose + 1)));
    }

    /**
     * The finaliser of SplitMix64 (Steele et al. 2014): every input bit changes every output bit.
     */
    static long mix(long z) {
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }

    /** A hash of a text, spread over [0, modulus). */
    static int bucket(String text, int modulus) {
        long h = 0xCBF29CE484222325L; // FNV-1a
        for (int i = 0; i < text.length(); i++) {
            h = (h ^ text.charAt(i)) * 0x100000001B3L;
        }
        return (int) Long.remainderUnsigned(mix(h), modulus);
    }
}
