/** What comes into a registry: bases, shards and ingredients are recorded and listed. */
@NullMarked
package org.diffusionsoup.cli.registry.arrival;

import org.jspecify.annotations.NullMarked;
