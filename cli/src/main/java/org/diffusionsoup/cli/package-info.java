/** The {@code soup} command: its start, its streams and how it fails. */
@NullMarked
package org.diffusionsoup.cli;

import org.jspecify.annotations.NullMarked;
