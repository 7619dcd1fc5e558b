/**
 * Objectives, AdamW and the loop around them: {@link org.diffusionsoup.diffusion.train.TrainingRun}
 * trains, saves its state, and goes on to the same bytes.
 */
@NullMarked
package org.diffusionsoup.diffusion.train;

import org.jspecify.annotations.NullMarked;
