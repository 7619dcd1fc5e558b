/**
 * Noise tables and schedulers: how pictures are noised in training (paper, Section 3) and how the
 * reverse process (paper, Eq. 2) is discretised when sampling.
 *
 * <p>The numbers are those of the reference library diffusers 0.31, with coefficients in double
 * precision.
 */
@NullMarked
package org.diffusionsoup.diffusion.schedule;

import org.jspecify.annotations.NullMarked;
