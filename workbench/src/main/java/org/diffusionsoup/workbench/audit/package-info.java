/** Whether models reproduce pictures they were trained on. */
@NullMarked
package org.diffusionsoup.workbench.audit;

import org.jspecify.annotations.NullMarked;
