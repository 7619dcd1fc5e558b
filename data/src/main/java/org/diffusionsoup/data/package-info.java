/**
 * Captioned pictures: shards as WebDataset tars, views that cut a data set by provider or by the
 * paper's domains, and the import of a user's folder.
 */
@NullMarked
package org.diffusionsoup.data;

import org.jspecify.annotations.NullMarked;
