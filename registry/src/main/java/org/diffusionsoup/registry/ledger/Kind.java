package org.diffusionsoup.registry.ledger;

import java.util.Locale;

/** What an entry tells. */
public enum Kind {
    /** The model that every ingredient starts from. */
    BASE,
    /** Data of one provider: licence, uses, expiry, and the hash of every sample. */
    SHARD,
    /** A base fine-tuned on shards. */
    INGREDIENT,
    /** An average of ingredients. */
    SOUP,
    /** Something measured of a soup. */
    EVALUATION,
    /** A soup was handed out. */
    PUBLICATION,
    /** Shards or samples left, and with them what was made of them. */
    WITHDRAWAL,
    /** What an earlier entry should have said; that entry stays as it is. */
    CORRECTION,
    /** An ingredient that was recorded wrongly and is in no soup that is made from now on. */
    RETIREMENT;

    /** As in the ledger: lower case. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Kind of(String word) {
        for (Kind k : values()) {
            if (k.word().equals(word)) {
                return k;
            }
        }
        throw new RegistryException(
                "The ledger has an entry of the kind '"
                        + word
                        + "', which this version does not know.");
    }
}
