package org.diffusionsoup.registry.store;

/**
 * How far the ledger was when a store was last written to, as {@code head.json} in the store notes
 * it. It may lag behind the ledger, whose writers can be killed; a ledger that lags behind it is an
 * older copy.
 *
 * @param entry number of the newest entry
 * @param hash of that entry
 */
public record StoreHead(long entry, String hash) {}
