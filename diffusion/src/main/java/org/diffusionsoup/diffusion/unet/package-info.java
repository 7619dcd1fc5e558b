/** The denoiser, with the names and numbers of diffusers' {@code UNet2DConditionModel}. */
@NullMarked
package org.diffusionsoup.diffusion.unet;

import org.jspecify.annotations.NullMarked;
