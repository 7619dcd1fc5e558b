@NullMarked
package org.diffusionsoup.diffusion.clip;

import org.jspecify.annotations.NullMarked;
