@NullMarked
package org.diffusionsoup.eval;

import org.jspecify.annotations.NullMarked;
