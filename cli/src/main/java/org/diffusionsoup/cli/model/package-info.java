/**
 * Weights in and out of files: looking, checking, converting, merging, LoRA, and fetching models
 * from a hub.
 */
@NullMarked
package org.diffusionsoup.cli.model;

import org.jspecify.annotations.NullMarked;
