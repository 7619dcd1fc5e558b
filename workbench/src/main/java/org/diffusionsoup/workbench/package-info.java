@NullMarked
package org.diffusionsoup.workbench;

import org.jspecify.annotations.NullMarked;
