/**
 * What makes a good shard of a large one, as far as no network is needed: rankings, quantiles,
 * random parts, near-duplicates by perceptual hash. Nothing here holds more than a few bytes per
 * row.
 */
@NullMarked
package org.diffusionsoup.data.curate;

import org.jspecify.annotations.NullMarked;
