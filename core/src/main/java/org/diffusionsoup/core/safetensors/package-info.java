/**
 * Files of the safetensors format: a header that is checked before it is believed, tensors in
 * place, writing and checksums.
 */
@NullMarked
package org.diffusionsoup.core.safetensors;

import org.jspecify.annotations.NullMarked;
