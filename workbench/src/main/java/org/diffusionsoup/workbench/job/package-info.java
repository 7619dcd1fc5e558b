/**
 * What all trainings have in common, whatever they train: progress, stopping, going on, the loss
 * log, and what checkpoints and weights say of their origin.
 */
@NullMarked
package org.diffusionsoup.workbench.job;

import org.jspecify.annotations.NullMarked;
