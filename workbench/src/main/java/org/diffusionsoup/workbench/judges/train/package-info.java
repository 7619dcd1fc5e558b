/**
 * Training of the judges: objectives, pairs of better and worse pictures, shapes of the networks.
 */
@NullMarked
package org.diffusionsoup.workbench.judges.train;

import org.jspecify.annotations.NullMarked;
