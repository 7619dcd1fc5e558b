/**
 * Pictures from prompts: {@code soup generate}, and {@code soup demo}, which shows what souping
 * does.
 */
@NullMarked
package org.diffusionsoup.cli.draw;

import org.jspecify.annotations.NullMarked;
