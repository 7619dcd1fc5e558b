/**
 * Files that appear whole or not at all, hashes and the cache of them, JSON, and the guard in front
 * of what an output would replace.
 */
@NullMarked
package org.diffusionsoup.core.io;

import org.jspecify.annotations.NullMarked;
