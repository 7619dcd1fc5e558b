/**
 * A base from nothing, or trained on: tokenizer, autoencoder, denoiser with its text encoder, on an
 * endless stream of scenes. {@link org.diffusionsoup.workbench.pretrain.Pretrainer} runs the
 * stages.
 */
@NullMarked
package org.diffusionsoup.workbench.pretrain;

import org.jspecify.annotations.NullMarked;
