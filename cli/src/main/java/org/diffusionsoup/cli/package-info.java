@NullMarked
package org.diffusionsoup.cli;

import org.jspecify.annotations.NullMarked;
