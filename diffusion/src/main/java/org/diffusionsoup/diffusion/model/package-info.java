/** A whole text-to-image model as diffusers keeps it in a folder. */
@NullMarked
package org.diffusionsoup.diffusion.model;

import org.jspecify.annotations.NullMarked;
