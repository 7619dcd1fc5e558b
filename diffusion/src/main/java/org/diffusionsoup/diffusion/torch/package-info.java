@NullMarked
package org.diffusionsoup.diffusion.torch;

import org.jspecify.annotations.NullMarked;
