/** Studies of what the paper claims: {@code soup study}. */
@NullMarked
package org.diffusionsoup.workbench.study;

import org.jspecify.annotations.NullMarked;
