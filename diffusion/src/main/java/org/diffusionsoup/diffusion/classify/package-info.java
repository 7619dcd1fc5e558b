/**
 * A classifier of shards on noised latents: which of several shards' distributions a latent x_t
 * comes from, at any timestep. It gives the coefficients of ensembles and of soups that change with
 * sample and timestep (paper, Proposition 2 and Appendix C; Golatkar et al., arXiv:2308.01937).
 */
@NullMarked
package org.diffusionsoup.diffusion.classify;

import org.jspecify.annotations.NullMarked;
