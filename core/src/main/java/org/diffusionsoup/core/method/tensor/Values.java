package org.diffusionsoup.core.method.tensor;

/** The numbers of one node at one tensor, block by block. Used by several threads at once. */
@FunctionalInterface
public interface Values {
    /** Computes the {@link Window#count} values of the window's block into {@code out}. */
    void read(Window w, double[] out);
}
