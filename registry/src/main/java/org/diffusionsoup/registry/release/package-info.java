/**
 * What leaves a registry for others, or for good: soups that were measured are published, weights
 * are handed out, and those that nothing needs any more are deleted.
 */
@NullMarked
package org.diffusionsoup.registry.release;

import org.jspecify.annotations.NullMarked;
