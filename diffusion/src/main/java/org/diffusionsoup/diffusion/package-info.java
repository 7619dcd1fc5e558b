@NullMarked
package org.diffusionsoup.diffusion;

import org.jspecify.annotations.NullMarked;
