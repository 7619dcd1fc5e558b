/** Things that everyone knows, each drawn by several artists, to compose scenes from. */
@NullMarked
package org.diffusionsoup.data.scene;

import org.jspecify.annotations.NullMarked;
