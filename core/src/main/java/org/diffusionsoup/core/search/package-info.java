/**
 * The search for the coefficients k_i of a soup (paper, Section 4.2, Eq. 6): greedy, reverse
 * greedy, leave-one-out and simplex search over a {@link org.diffusionsoup.core.search.Scorer},
 * with a journal that lets a killed search go on.
 */
@NullMarked
package org.diffusionsoup.core.search;

import org.jspecify.annotations.NullMarked;
