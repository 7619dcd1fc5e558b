package org.diffusionsoup.core.search;

import java.util.SortedSet;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * The weights of one candidate soup, in memory; valid until the next candidate is formed, and not
 * for use by several threads at once. Read bytes are those that {@link
 * org.diffusionsoup.core.soup.Souper} would write for the same coefficients.
 */
public interface CandidateWeights {
    /**
     * Its state dicts by component, as in {@link
     * org.diffusionsoup.core.checkpoint.Checkpoint#parts}.
     */
    SortedSet<String> parts();

    /**
     * One state dict; it must not be closed.
     *
     * @throws org.diffusionsoup.core.SoupException if there is none of that name
     */
    TensorSource part(String name);

    /**
     * Whether a part is the same, byte for byte, in all ingredients and hence in every candidate:
     * it need not be loaded again.
     */
    boolean isShared(String part);
}
