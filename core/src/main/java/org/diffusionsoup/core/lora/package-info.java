/**
 * Low-rank updates of models (LoRA and its kin) as ingredients: files of every naming read into one
 * representation, their exact products, put into a model, averaged, taken out of one, and written.
 */
@NullMarked
package org.diffusionsoup.core.lora;

import org.jspecify.annotations.NullMarked;
