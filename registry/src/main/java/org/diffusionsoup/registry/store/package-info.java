/** Weights by their content: every tensor once, checkpoints rebuilt byte for byte. */
@NullMarked
package org.diffusionsoup.registry.store;

import org.jspecify.annotations.NullMarked;
