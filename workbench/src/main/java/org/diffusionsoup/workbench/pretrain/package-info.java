@NullMarked
package org.diffusionsoup.workbench.pretrain;

import org.jspecify.annotations.NullMarked;
