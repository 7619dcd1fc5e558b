/**
 * Pictures. {@link org.diffusionsoup.image.RgbImage} is three bytes per pixel, upright and without
 * transparency: what shards hold and models draw, decoded from what cameras and the web make
 * ({@link org.diffusionsoup.image.PictureDecoder}). {@link org.diffusionsoup.image.Picture} keeps a
 * file's own mode, as PIL does, for judges whose preprocessing depends on it; {@link
 * org.diffusionsoup.image.PilResize} resizes as PIL.
 */
@NullMarked
package org.diffusionsoup.image;

import org.jspecify.annotations.NullMarked;
