/** From prompts to pictures. */
@NullMarked
package org.diffusionsoup.diffusion.pipeline;

import org.jspecify.annotations.NullMarked;
