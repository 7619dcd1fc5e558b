/**
 * Tensors without arithmetic: dtypes and what their bits mean, shapes, places in files, and sources
 * that bytes are read from.
 */
@NullMarked
package org.diffusionsoup.core.tensor;

import org.jspecify.annotations.NullMarked;
