package org.diffusionsoup.core.method;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * DARE, "drop and rescale": every element of a delta is dropped with probability p, and what is
 * left is divided by 1 - p, so that its expectation stays.
 *
 * <p>Source: Yu, Yu, Yu, Huang, Li, 2024, "Language Models are Super Mario: Absorbing Abilities
 * from Homologous Models as a Free Lunch" (ICML): m ~ Bernoulli(p), (1 - m) * delta / (1 - p).
 *
 * <p>An element's fate depends on seed, tensor name and its index alone: splitmix64 (Steele, Lea,
 * Flood, 2014), used as a counter, under a key which is the SHA-256 of seed and name. Deltas merged
 * with each other should have different seeds: equal seeds drop the same elements of each.
 *
 * @param delta what is thinned out
 * @param drop p, from 0 to below 1; 0 keeps the delta as it is
 * @param seed any number
 * @param rescale whether what is left is divided by 1 - p
 */
public record Dare(DeltaExpr delta, Factor drop, long seed, boolean rescale) implements DeltaExpr {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    /**
     * @throws SoupException if p is not from 0 to below 1
     */
    public Dare {
        drop.checkRange("drop rate of DARE", Rational.ZERO, Rational.ONE);
        if (drop.values().anyMatch(Rational.ONE::equals)) {
            throw new SoupException("The drop rate of DARE must be below 1: 1 leaves nothing.");
        }
    }

    Values plan(TensorScope scope) {
        Values whole = Planner.values(delta, scope);
        Rational p = drop.at(scope.name());
        if (p.signum() == 0) {
            return whole;
        }
        long key = key(seed, scope.name());
        long limit = limit(p);
        double keep = rescale ? Rational.ONE.minus(p).doubleValue() : 1;
        return (w, out) -> {
            whole.read(w, out);
            for (int i = 0; i < w.count(); i++) {
                out[i] = random(key, w.first() + i) < limit ? 0 : out[i] / keep;
            }
        };
    }

    /** p as a count of 2^-53: elements whose 53 random bits are below it are dropped. */
    private static long limit(Rational p) {
        return p.numerator()
                .shiftLeft(53)
                .add(p.denominator().subtract(BigInteger.ONE))
                .divide(p.denominator())
                .longValueExact();
    }

    static long key(long seed, String tensor) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(ByteBuffer.allocate(8).putLong(seed).flip());
            digest.update(tensor.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(digest.digest()).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /** 53 random bits of an element. */
    static long random(long key, long index) {
        long z = key + (index + 1) * GOLDEN;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return (z ^ (z >>> 31)) >>> 11;
    }
}
