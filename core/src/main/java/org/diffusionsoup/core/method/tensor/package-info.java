/**
 * A tensor of every model of a merge, window by window, so that the memory of a merge does not grow
 * with its models.
 */
@NullMarked
package org.diffusionsoup.core.method.tensor;

import org.jspecify.annotations.NullMarked;
