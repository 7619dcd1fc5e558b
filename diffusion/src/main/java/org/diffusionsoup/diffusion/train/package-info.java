@NullMarked
package org.diffusionsoup.diffusion.train;

import org.jspecify.annotations.NullMarked;
