/**
 * What the machine gives and what training makes of it: the measurements behind docs/benchmarks.md.
 */
@NullMarked
package org.diffusionsoup.bench;

import org.jspecify.annotations.NullMarked;
