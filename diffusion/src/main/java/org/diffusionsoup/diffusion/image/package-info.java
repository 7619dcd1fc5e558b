/** Pictures from files, resized as PIL resizes them, to the pixel tensors that CLIP takes. */
@NullMarked
package org.diffusionsoup.diffusion.image;

import org.jspecify.annotations.NullMarked;
