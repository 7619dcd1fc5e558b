/**
 * What comes into a registry, and what is said of it later: bases, shards, ingredients, their
 * retirements and corrections.
 */
@NullMarked
package org.diffusionsoup.registry.arrival;

import org.jspecify.annotations.NullMarked;
