/**
 * Computes the tensors of a planned soup piece by piece, on all cores, while they are written.
 * {@link org.diffusionsoup.core.soup.average.Averager} does it for any {@link
 * org.diffusionsoup.core.soup.average.MergeTask}, of which the weighted mean is one.
 */
@NullMarked
package org.diffusionsoup.core.soup.average;

import org.jspecify.annotations.NullMarked;
