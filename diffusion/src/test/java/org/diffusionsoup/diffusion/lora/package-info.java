/** Access to the reference numbers that the golden tests compare with. */
@NullMarked
package org.diffusionsoup.diffusion.lora;

import org.jspecify.annotations.NullMarked;
