/**
 * Ingredients that do not go together: which tensors differ, what that is likely to mean, and what
 * to do.
 */
@NullMarked
package org.diffusionsoup.core.mismatch;

import org.jspecify.annotations.NullMarked;
