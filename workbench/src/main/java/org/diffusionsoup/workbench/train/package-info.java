/** Fine-tuning one ingredient from a base and a shard. */
@NullMarked
package org.diffusionsoup.workbench.train;

import org.jspecify.annotations.NullMarked;
