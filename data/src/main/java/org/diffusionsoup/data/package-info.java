@NullMarked
package org.diffusionsoup.data;

import org.jspecify.annotations.NullMarked;
