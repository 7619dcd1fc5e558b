/**
 * The embedded judges: small models of the real judges' classes, trained on the embedded shards,
 * and the check that says how far each can be trusted.
 */
@NullMarked
package org.diffusionsoup.workbench.judges;

import org.jspecify.annotations.NullMarked;
