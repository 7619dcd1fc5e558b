/**
 * Files of {@code torch.save} without Python: the zip archive, the pickle that is interpreted and
 * never run, the tensors behind it.
 */
@NullMarked
package org.diffusionsoup.core.torch;

import org.jspecify.annotations.NullMarked;
