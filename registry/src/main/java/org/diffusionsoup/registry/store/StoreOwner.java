package org.diffusionsoup.registry.store;

/**
 * The registry that a store belongs to, as {@code registry.json} in the store names it.
 *
 * @param id of the registry
 * @param key id of its public key, which certificates name too
 */
public record StoreOwner(String id, String key) {
    @Override
    public String toString() {
        return "registry " + id + " (key " + key + ")";
    }
}
