/**
 * Merging beyond the mean. A merge is a tree of {@link org.diffusionsoup.core.method.WeightExpr
 * weights} and {@link org.diffusionsoup.core.method.DeltaExpr deltas}, each method a record in a
 * file of its own with the paper it comes from; {@link org.diffusionsoup.core.method.MethodMerge}
 * evaluates it over checkpoints of any size in constant memory.
 */
@NullMarked
package org.diffusionsoup.core.method;

import org.jspecify.annotations.NullMarked;
