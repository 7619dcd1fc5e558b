/** Fine-tuning a base on a shard, and training a base from nothing. */
@NullMarked
package org.diffusionsoup.cli.train;

import org.jspecify.annotations.NullMarked;
