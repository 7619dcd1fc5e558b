/** Layers, named parameters and the files they are read from and written to. */
@NullMarked
package org.diffusionsoup.diffusion.nn;

import org.jspecify.annotations.NullMarked;
