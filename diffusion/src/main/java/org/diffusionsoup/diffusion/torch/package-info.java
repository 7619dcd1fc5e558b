/**
 * Tensors on libtorch, the only package that sees its Java binding. A {@link
 * org.diffusionsoup.diffusion.torch.Scope} owns the native memory made inside it.
 */
@NullMarked
package org.diffusionsoup.diffusion.torch;

import org.jspecify.annotations.NullMarked;
