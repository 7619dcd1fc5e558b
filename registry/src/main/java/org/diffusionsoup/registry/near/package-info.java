/** Pictures that are almost those of another shard. */
@NullMarked
package org.diffusionsoup.registry.near;

import org.jspecify.annotations.NullMarked;
