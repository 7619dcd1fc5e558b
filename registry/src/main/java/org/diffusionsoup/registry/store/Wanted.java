package org.diffusionsoup.registry.store;

import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * What is to stay when a store is collected, and what has no time to go.
 *
 * @param checkpoints ids of those that stay
 * @param sums ids of the soups whose kept sums stay
 * @param remembered ids of checkpoints of which is kept what they held, by hashes, when they go
 * @param withdrawn of some SHA-256, of checkpoints and tensors, those of what was withdrawn: where
 *     nothing wanted has them they are deleted however young they are
 */
public record Wanted(
        Set<String> checkpoints,
        Set<String> sums,
        Set<String> remembered,
        UnaryOperator<Set<String>> withdrawn) {
    public Wanted {
        checkpoints = Set.copyOf(checkpoints);
        sums = Set.copyOf(sums);
        remembered = Set.copyOf(remembered);
    }
}
