@NullMarked
package org.diffusionsoup.diffusion.nn;

import org.jspecify.annotations.NullMarked;
