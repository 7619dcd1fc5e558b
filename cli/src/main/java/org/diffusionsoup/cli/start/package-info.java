/**
 * From the launcher to a command without reading the other hundred: the list of commands, what is
 * loaded ahead, and the run that records classes for the next start.
 */
@NullMarked
package org.diffusionsoup.cli.start;

import org.jspecify.annotations.NullMarked;
