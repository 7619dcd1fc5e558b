/**
 * The append-only, hash-chained, signed ledger and the tables derived from it, on SQLite or
 * PostgreSQL. Knows nothing of weights.
 */
@NullMarked
package org.diffusionsoup.registry.ledger;

import org.jspecify.annotations.NullMarked;
