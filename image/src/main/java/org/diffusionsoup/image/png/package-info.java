/**
 * Pictures as files: PNG with the settings that made them, and labelled grids that need no fonts.
 */
@NullMarked
package org.diffusionsoup.image.png;

import org.jspecify.annotations.NullMarked;
