@NullMarked
package org.diffusionsoup.core;

import org.jspecify.annotations.NullMarked;
