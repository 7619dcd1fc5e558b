/**
 * BLIP: a vision transformer, a BERT that looks at pictures through cross-attention, and the two
 * judges built on them, ImageReward and visual question answering.
 */
@NullMarked
package org.diffusionsoup.diffusion.blip;

import org.jspecify.annotations.NullMarked;
