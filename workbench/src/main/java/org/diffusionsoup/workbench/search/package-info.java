/** The search for the best soup of real ingredients: drawn, judged, written. */
@NullMarked
package org.diffusionsoup.workbench.search;

import org.jspecify.annotations.NullMarked;
