package org.diffusionsoup.registry.ledger;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.diffusionsoup.core.Coefficient;

/** What the ledger's tables hold. */
public final class Rows {
    private Rows() {}

    /**
     * A base.
     *
     * @param id number of its entry
     * @param checkpoint its weights in the store
     * @param withdrawn number of the withdrawal that ended it, because it held what left
     */
    public record BaseRow(long id, String name, String checkpoint, Optional<Long> withdrawn) {}

    /**
     * A shard.
     *
     * @param id number of its entry
     * @param uses permitted uses, in words
     * @param expires day after which it must be out, ISO 8601
     * @param source where its pictures lie, as a text that {@code soup train --shard} takes
     * @param root Merkle root over its samples
     * @param samples how many it had when it came
     * @param withdrawn number of the withdrawal that ended it
     */
    public record ShardRow(
            long id,
            String name,
            String provider,
            String licence,
            String uses,
            Optional<String> expires,
            String source,
            String root,
            long samples,
            Optional<Long> withdrawn) {}

    /**
     * One picture of a shard.
     *
     * @param fingerprint {@code p} and a perceptual hash in hexadecimal, empty if it has none;
     *     without the {@code p} another hash, which earlier versions took
     */
    public record SampleRow(
            long shard, String sha256, String fingerprint, Optional<Long> withdrawn) {
        /** The perceptual hash; empty if it has none. */
        public OptionalLong hash() {
            return fingerprint.matches("p[0-9a-f]{16}")
                    ? OptionalLong.of(Long.parseUnsignedLong(fingerprint.substring(1), 16))
                    : OptionalLong.empty();
        }

        /** Whether it was recorded with a hash that is not compared any more. */
        public boolean hasOldHash() {
            return !fingerprint.isEmpty() && hash().isEmpty();
        }
    }

    /**
     * An ingredient.
     *
     * @param id number of its entry
     * @param base id of its base
     * @param shards ids of what it was trained on
     * @param checkpoint its weights in the store
     * @param withdrawn number of the withdrawal that ended it
     * @param retired number of the entry that took it out of what is made from then on
     */
    public record IngredientRow(
            long id,
            String name,
            long base,
            List<Long> shards,
            String checkpoint,
            Optional<Long> withdrawn,
            Optional<Long> retired) {
        /** Whether soups may take it: neither withdrawn nor retired. */
        public boolean isLive() {
            return withdrawn.isEmpty() && retired.isEmpty();
        }
    }

    /**
     * One version of a soup.
     *
     * @param id number of its entry
     * @param version from 1
     * @param method {@code uniform}, {@code weighted} or {@code search}
     * @param follows whether it takes in every new ingredient of its base
     * @param checkpoint its weights in the store
     * @param members ids of its ingredients and their k_i before normalisation
     * @param selectedAmong ids of the shards that a search chose among
     * @param withdrawn number of the withdrawal that ended it
     * @param superseded number of the soup that took its place
     */
    public record SoupRow(
            long id,
            String name,
            long version,
            String method,
            boolean follows,
            String checkpoint,
            List<Member> members,
            List<Long> selectedAmong,
            Optional<Long> withdrawn,
            Optional<Long> superseded) {
        /** Neither withdrawn nor superseded. */
        public boolean isCurrent() {
            return withdrawn.isEmpty() && superseded.isEmpty();
        }

        /** As {@code name@version}. */
        public String label() {
            return name + "@" + version;
        }
    }

    /** An ingredient of a soup. */
    public record Member(long ingredient, Coefficient coefficient) {}

    /** Something measured of a soup. */
    public record EvaluationRow(long id, long soup, String what, boolean passed) {}

    /**
     * A hash that was withdrawn and must not come back under another name.
     *
     * @param owner id of the ingredient, soup or base that had it
     * @param sha256 of its checkpoint, of one of its files or of one of its tensors
     * @param withdrawal number of the entry that ended it
     */
    public record WithdrawnWeight(long owner, String sha256, long withdrawal) {}

    /**
     * Pictures of a live shard that had been withdrawn from others before it came.
     *
     * @param withdrawal number of the entry that withdrew the last of them
     */
    public record ReturnedSamples(long shard, long pictures, long withdrawal) {}

    /** A soup that was handed out. */
    public record PublicationRow(long id, long soup, String place, Optional<Long> withdrawn) {}
}
