/** CLIP's text and image towers, with the names and numbers of transformers. */
@NullMarked
package org.diffusionsoup.diffusion.clip;

import org.jspecify.annotations.NullMarked;
