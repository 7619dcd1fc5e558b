/** What a soup must have shown before it is published. */
@NullMarked
package org.diffusionsoup.registry.gate;

import org.jspecify.annotations.NullMarked;
