@NullMarked
package org.diffusionsoup.diffusion.unet;

import org.jspecify.annotations.NullMarked;
