package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.store.StoreOwner;

/**
 * A registry's folder.
 *
 * @param folder holds {@code registry.json}, the keys, the ledger (unless it is on a server),
 *     {@code store/} and {@code certificates/}
 */
record Place(Path folder) {
    static final String SQLITE = "sqlite";

    Path config() {
        return folder.resolve("registry.json");
    }

    Path secretKey() {
        return folder.resolve("registry.key");
    }

    Path publicKey() {
        return folder.resolve("registry.pub");
    }

    Path store() {
        return folder.resolve("store");
    }

    Path certificates() {
        return folder.resolve("certificates");
    }

    void write(String ledger, StoreOwner self) {
        if (ledger.matches("(?is).*[?&](password|sslpassword)=.*")) {
            throw new RegistryException(
                    "The ledger's URL holds a password, which would be written to "
                            + config()
                            + "; put it into ~/.pgpass instead.");
        }
        JsonObject o =
                Json.object()
                        .put("format", 1)
                        .put("ledger", ledger)
                        .put("id", self.id())
                        .put("key", self.key())
                        .build();
        AtomicFiles.write(
                config(), Json.pretty(o).getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    /**
     * The registry as its configuration names it. One made before registries had ids has the first
     * half of its key's for one.
     *
     * @param key the public key that is in the folder
     */
    StoreOwner self(PublicKeyFile key) {
        JsonObject o = read();
        return new StoreOwner(
                o.string("id").orElse(key.id().substring(0, 32)), o.string("key").orElse(key.id()));
    }

    /** The ledger's file, where it is one. */
    Path ledger() {
        return folder.resolve("ledger.db");
    }

    String url() {
        String ledger = Json.string(read(), "ledger");
        return ledger.equals(SQLITE) ? "jdbc:sqlite:" + ledger().toAbsolutePath() : ledger;
    }

    private JsonObject read() {
        if (!Files.isRegularFile(config())) {
            throw new RegistryException(
                    "There is no registry in "
                            + folder
                            + "; make one with 'soup init', or name another with `registry`.");
        }
        JsonObject o = JsonValue.readObject(config());
        if (Json.number(o, "format") != 1) {
            throw new RegistryException(
                    config() + " is of a format that this version does not know.");
        }
        return o;
    }
}
