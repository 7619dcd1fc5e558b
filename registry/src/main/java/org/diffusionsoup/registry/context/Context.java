package org.diffusionsoup.registry.context;

import java.util.Optional;
import java.util.function.Function;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * One opened registry, as everything that works on it is handed it.
 *
 * @param place its folder
 * @param secret signs entries and certificates; empty where it was opened to be read only
 * @param publicKey checks them
 * @param ledger what happened
 * @param store the weights
 * @param calendar which day it is
 * @param options with how many threads soups are made, and who is told how far they are
 */
public record Context(
        Place place,
        Optional<SigningKey> secret,
        PublicKeyFile publicKey,
        Ledger ledger,
        WeightStore store,
        Calendar calendar,
        SoupOptions options) {
    /** The same registry with other threads and another listener. */
    public Context with(SoupOptions o) {
        return new Context(
                place, secret, publicKey, ledger, new WeightStore(place.store()), calendar, o);
    }

    /** Its id and its key's. */
    public StoreOwner self() {
        return place.self(publicKey);
    }

    /**
     * The key to sign with.
     *
     * @throws RegistryException if it was opened to be read only
     */
    public SigningKey key() {
        return secret.orElseThrow(
                () -> new RegistryException("The registry was opened for reading only."));
    }

    /** Reads one state of the ledger. */
    public <T> T read(Function<Queries, T> work) {
        return ledger.read(work);
    }

    /** Shards by what the calendar says of them. */
    public UsableShards shards() {
        return new UsableShards(calendar, store);
    }
}
