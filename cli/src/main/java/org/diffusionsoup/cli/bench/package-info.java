/**
 * Measurements anyone can run: merges, the registry, searches, training, judges, each beside a
 * limit or a peer of the same run.
 */
@NullMarked
package org.diffusionsoup.cli.bench;

import org.jspecify.annotations.NullMarked;
