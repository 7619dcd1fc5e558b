/**
 * The use cases that any front end calls: data curated, models trained, souped, drawn with and
 * judged, each with a {@link org.diffusionsoup.workbench.Progress} to be told of it.
 */
@NullMarked
package org.diffusionsoup.workbench;

import org.jspecify.annotations.NullMarked;
