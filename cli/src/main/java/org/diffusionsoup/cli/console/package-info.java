/** What a command sees of the terminal: results, notes, progress, and failures as sentences. */
@NullMarked
package org.diffusionsoup.cli.console;

import org.jspecify.annotations.NullMarked;
