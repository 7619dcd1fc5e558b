/** Shards of pictures and training runs as the registry knows them. */
@NullMarked
package org.diffusionsoup.workbench.registry;

import org.jspecify.annotations.NullMarked;
