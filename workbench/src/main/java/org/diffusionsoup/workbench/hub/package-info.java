/**
 * Models from a hub that speaks Hugging Face's HTTP interface, into the cache that {@code
 * huggingface_hub} keeps: {@link org.diffusionsoup.workbench.hub.Pull} is where to begin.
 */
@NullMarked
package org.diffusionsoup.workbench.hub;

import org.jspecify.annotations.NullMarked;
