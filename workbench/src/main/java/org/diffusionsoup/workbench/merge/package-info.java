/** Merges by recipe, and checkpoints made again from the recipe in their header. */
@NullMarked
package org.diffusionsoup.workbench.merge;

import org.jspecify.annotations.NullMarked;
