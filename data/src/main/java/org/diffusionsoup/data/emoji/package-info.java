/** Builds shards of captioned pictures from openly licensed emoji sets. */
@NullMarked
package org.diffusionsoup.data.emoji;

import org.jspecify.annotations.NullMarked;
