/**
 * Questions whose answers are known, in the format of TIFA, and the rows and scenes they are made
 * of.
 */
@NullMarked
package org.diffusionsoup.workbench.judges.question;

import org.jspecify.annotations.NullMarked;
