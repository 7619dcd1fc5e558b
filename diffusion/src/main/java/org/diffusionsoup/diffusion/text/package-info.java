/**
 * Captions to token ids: the CLIP byte-pair tokenizer, and a trainer of small vocabularies for it.
 */
@NullMarked
package org.diffusionsoup.diffusion.text;

import org.jspecify.annotations.NullMarked;
