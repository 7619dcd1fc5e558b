/**
 * Models as files, and their mean. Most users need three types: {@link
 * org.diffusionsoup.core.checkpoint.Checkpoint} opens a model, {@link
 * org.diffusionsoup.core.soup.Souper} averages several, {@link org.diffusionsoup.core.soup.Soup} is
 * what came out. This package holds what all others share: the exceptions, an exact coefficient, a
 * listener for progress.
 *
 * <p>The packages are layers, and each sees only those before it: {@code io}, {@code tensor},
 * {@code torch}, {@code safetensors}, {@code checkpoint}, {@code mismatch}, {@code kernel}, {@code
 * soup}; on them stand {@code diff}, {@code convert}, {@code lora}, {@code method} and {@code
 * search}. JDK, Jackson core and JSpecify only.
 */
@NullMarked
package org.diffusionsoup.core;

import org.jspecify.annotations.NullMarked;
