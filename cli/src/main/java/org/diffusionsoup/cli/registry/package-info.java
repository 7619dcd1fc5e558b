/** Who is in which model, and the proof that what was withdrawn is out. */
@NullMarked
package org.diffusionsoup.cli.registry;

import org.jspecify.annotations.NullMarked;
