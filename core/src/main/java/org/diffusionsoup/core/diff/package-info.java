/** How far two checkpoints are apart: per tensor, per block, and relative to a common base. */
@NullMarked
package org.diffusionsoup.core.diff;

import org.jspecify.annotations.NullMarked;
