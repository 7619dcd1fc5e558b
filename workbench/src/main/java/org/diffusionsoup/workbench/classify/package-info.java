/**
 * Training of the classifier that tells shards apart on noised latents, for ensembles and soups
 * that change with the sample.
 */
@NullMarked
package org.diffusionsoup.workbench.classify;

import org.jspecify.annotations.NullMarked;
