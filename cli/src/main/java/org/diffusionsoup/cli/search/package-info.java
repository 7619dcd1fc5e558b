/** Coefficients found by a judge, and what each ingredient is worth to it. */
@NullMarked
package org.diffusionsoup.cli.search;

import org.jspecify.annotations.NullMarked;
