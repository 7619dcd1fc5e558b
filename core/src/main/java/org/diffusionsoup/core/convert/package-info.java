/**
 * Stable Diffusion between the original single file and diffusers folders, by rules on names; see
 * {@link org.diffusionsoup.core.convert.Converter}.
 */
@NullMarked
package org.diffusionsoup.core.convert;

import org.jspecify.annotations.NullMarked;
