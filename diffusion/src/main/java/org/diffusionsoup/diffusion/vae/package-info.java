/**
 * The autoencoder between pictures and latents, with the names and numbers of diffusers' {@code
 * AutoencoderKL}.
 */
@NullMarked
package org.diffusionsoup.diffusion.vae;

import org.jspecify.annotations.NullMarked;
