/**
 * Models as people have them: {@link org.diffusionsoup.core.checkpoint.Checkpoint} opens a file or
 * a folder of any layout, {@link org.diffusionsoup.core.checkpoint.CheckpointWriter} writes one
 * like another. Architectures, configurations, the names of tensors and what a header says of where
 * weights come from belong here too.
 */
@NullMarked
package org.diffusionsoup.core.checkpoint;

import org.jspecify.annotations.NullMarked;
