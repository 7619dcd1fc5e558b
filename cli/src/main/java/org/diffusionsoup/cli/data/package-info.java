/**
 * {@code soup data} and {@code soup split}: pictures with captions and where they came from, as
 * shards.
 */
@NullMarked
package org.diffusionsoup.cli.data;

import org.jspecify.annotations.NullMarked;
