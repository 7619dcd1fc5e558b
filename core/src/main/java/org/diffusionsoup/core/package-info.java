/**
 * Checkpoints as files and their weighted average: safetensors, diffusers folders, dtypes, hashes,
 * provenance, and {@link org.diffusionsoup.core.Souper}. JDK, Jackson core and JSpecify only.
 */
@NullMarked
package org.diffusionsoup.core;

import org.jspecify.annotations.NullMarked;
