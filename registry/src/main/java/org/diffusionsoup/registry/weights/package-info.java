/**
 * Weights told by their hashes: what is held, what was withdrawn and came back, what is an
 * ingredient of which base.
 */
@NullMarked
package org.diffusionsoup.registry.weights;

import org.jspecify.annotations.NullMarked;
