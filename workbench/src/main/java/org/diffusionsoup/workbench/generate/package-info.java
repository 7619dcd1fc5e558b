/** Pictures of prompts: one model or several, on the same noise. */
@NullMarked
package org.diffusionsoup.workbench.generate;

import org.jspecify.annotations.NullMarked;
