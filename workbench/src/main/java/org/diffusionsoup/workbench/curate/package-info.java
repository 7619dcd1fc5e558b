/** Making shards of larger ones: retrieval, filters, splits, near-duplicates. */
@NullMarked
package org.diffusionsoup.workbench.curate;

import org.jspecify.annotations.NullMarked;
