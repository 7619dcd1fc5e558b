/** What ingredients and providers of a soup are worth: {@code soup value}. */
@NullMarked
package org.diffusionsoup.workbench.value;

import org.jspecify.annotations.NullMarked;
