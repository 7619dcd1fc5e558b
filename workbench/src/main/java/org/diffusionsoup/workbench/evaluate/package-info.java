/** What pictures are worth: CLIP scores, retrieval of the prompted subject, reconstruction. */
@NullMarked
package org.diffusionsoup.workbench.evaluate;

import org.jspecify.annotations.NullMarked;
