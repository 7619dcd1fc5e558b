/**
 * Pictures of three bytes per pixel: decoding PNG and JPEG as they come from cameras and the web,
 * resizing, contact sheets.
 */
@NullMarked
package org.diffusionsoup.data.image;

import org.jspecify.annotations.NullMarked;
