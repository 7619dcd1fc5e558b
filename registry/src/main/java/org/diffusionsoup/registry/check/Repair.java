package org.diffusionsoup.registry.check;

import java.util.List;

/**
 * What a repair did.
 *
 * @param done in words
 * @param left what could not be repaired
 */
public record Repair(List<String> done, List<Finding> left) {}
