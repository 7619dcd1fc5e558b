/**
 * Arithmetic of weighted means: a fast kernel per dtype, and the exact one that every fast kernel
 * equals to the bit.
 */
@NullMarked
package org.diffusionsoup.core.kernel;

import org.jspecify.annotations.NullMarked;
