@NullMarked
package org.diffusionsoup.diffusion.vae;

import org.jspecify.annotations.NullMarked;
