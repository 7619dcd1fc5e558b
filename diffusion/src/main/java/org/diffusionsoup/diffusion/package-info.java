/**
 * Stable Diffusion on libtorch: from the weights of a checkpoint to pictures and back to trained
 * weights.
 */
@NullMarked
package org.diffusionsoup.diffusion;

import org.jspecify.annotations.NullMarked;
