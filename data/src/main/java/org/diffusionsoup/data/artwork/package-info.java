/** Drawings that others made under open licences: where they come from, and how SVGs are drawn. */
@NullMarked
package org.diffusionsoup.data.artwork;

import org.jspecify.annotations.NullMarked;
