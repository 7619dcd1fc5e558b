package org.diffusionsoup.registry.check;

/**
 * Something that is not as it should be.
 *
 * @param where {@code ledger}, {@code store} or {@code sums}
 */
public record Finding(Severity severity, String where, String sentence) {
    /** How bad it is. */
    public enum Severity {
        /** Something is missing or was altered. */
        ERROR,
        /** Weights that should be gone are still there; {@code soup gc} deletes them. */
        NOTE
    }
}
