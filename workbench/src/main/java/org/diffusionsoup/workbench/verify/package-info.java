/** Use case: whether a checkpoint is whole, sound and the one it is said to be. */
@NullMarked
package org.diffusionsoup.workbench.verify;

import org.jspecify.annotations.NullMarked;
