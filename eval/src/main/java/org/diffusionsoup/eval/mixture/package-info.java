/**
 * Mixtures of Gaussians in the plane, whose scores under diffusion are known in closed form: what
 * the paper's Propositions 1 and 2 can be checked on without a network.
 */
@NullMarked
package org.diffusionsoup.eval.mixture;

import org.jspecify.annotations.NullMarked;
