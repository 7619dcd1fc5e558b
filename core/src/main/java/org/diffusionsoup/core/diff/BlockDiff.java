package org.diffusionsoup.core.diff;

/**
 * How the tensors of a block differ, taken as one vector.
 *
 * @param component the component it lies in, such as {@code unet}; empty where none is known
 * @param name the block within it, such as {@code down_blocks.0.attentions.1}
 * @param tensors number of tensors compared by value
 * @param equal how many of these are equal
 * @param elements number of elements compared
 * @param sums over all of them
 */
public record BlockDiff(
        String component, String name, long tensors, long equal, long elements, Sums sums) {}
