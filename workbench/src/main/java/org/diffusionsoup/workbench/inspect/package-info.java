/** Use case: what is in a checkpoint. */
@NullMarked
package org.diffusionsoup.workbench.inspect;

import org.jspecify.annotations.NullMarked;
