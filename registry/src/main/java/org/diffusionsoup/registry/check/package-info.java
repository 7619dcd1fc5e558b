/**
 * Whether a registry is as it should be, {@link org.diffusionsoup.registry.check.Fsck}, and what is
 * made again where it is not.
 */
@NullMarked
package org.diffusionsoup.registry.check;

import org.jspecify.annotations.NullMarked;
