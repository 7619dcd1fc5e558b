/** Merge recipes as YAML or JSON text, read into the tree of methods that they describe. */
@NullMarked
package org.diffusionsoup.core.method.recipe;

import org.jspecify.annotations.NullMarked;
