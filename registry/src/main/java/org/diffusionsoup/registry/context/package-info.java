/**
 * What all trades of a registry share: {@link org.diffusionsoup.registry.context.Context}, with the
 * folder, the ledger, the store, the keys and the calendar, and how things may be called.
 */
@NullMarked
package org.diffusionsoup.registry.context;

import org.jspecify.annotations.NullMarked;
