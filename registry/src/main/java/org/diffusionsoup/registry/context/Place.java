package org.diffusionsoup.registry.context;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * A registry's folder.
 *
 * @param folder holds {@code registry.json}, the keys, the ledger (unless it is on a server),
 *     {@code store/} and {@code certificates/}
 */
public record Place(Path folder) {
    /** In the configuration: the ledger is a file in the folder. */
    public static final String SQLITE = "sqlite";

    /** Names the ledger, the registry and its key. */
    public Path config() {
        return folder.resolve("registry.json");
    }

    /** Signs; readable by its owner alone. */
    public Path secretKey() {
        return folder.resolve("registry.key");
    }

    /** Checks what the secret key signed. */
    public Path publicKey() {
        return folder.resolve("registry.pub");
    }

    /** Where the weights are. */
    public Path store() {
        return folder.resolve("store");
    }

    /** The registry's own copies of its certificates, and notes of publications. */
    public Path certificates() {
        return folder.resolve("certificates");
    }

    /**
     * Refuses a ledger's URL that the configuration may not hold.
     *
     * @throws RegistryException if it holds a password
     */
    public void checkLedger(String ledger) {
        if (ledger.matches("(?is).*[?&](password|sslpassword)=.*")) {
            throw new RegistryException(
                    "The ledger's URL holds a password, which would be written to "
                            + config()
                            + "; put it into ~/.pgpass instead.");
        }
    }

    /** Writes the configuration. */
    public void write(String ledger, StoreOwner self) {
        checkLedger(ledger);
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
    public StoreOwner self(PublicKeyFile key) {
        JsonObject o = read();
        return new StoreOwner(
                o.string("id").orElse(key.id().substring(0, 32)), o.string("key").orElse(key.id()));
    }

    /** The ledger's file, where it is one. */
    public Path ledger() {
        return folder.resolve("ledger.db");
    }

    /**
     * The ledger's URL for JDBC.
     *
     * @throws RegistryException if the folder holds no registry, or one of another format
     */
    public String url() {
        return url(Json.string(read(), "ledger"));
    }

    /** The URL for JDBC of a ledger as a configuration names it. */
    public String url(String ledger) {
        return ledger.equals(SQLITE) ? sqlite() : ledger;
    }

    private JsonObject read() {
        if (!Files.isRegularFile(config())) {
            if (isUnfinished()) {
                throw unfinished();
            }
            throw new RegistryException(
                    isWithoutConfig()
                            ? config()
                                    + " is missing, though the folder holds a registry: put it back"
                                    + " from a copy, or let 'soup fsck `repair`' write it again."
                            : "There is no registry in "
                                    + folder
                                    + "; make one with 'soup init', or name another with"
                                    + " `registry`.");
        }
        JsonObject o = JsonValue.readObject(config());
        if (Json.number(o, "format") != 1) {
            throw new RegistryException(
                    config() + " is of a format that this version does not know.");
        }
        return o;
    }

    /** Whether all that is missing of a registry is its configuration. */
    public boolean isWithoutConfig() {
        return !Files.exists(config())
                && Files.isRegularFile(publicKey())
                && (Files.exists(ledger()) || Files.isDirectory(store()))
                && !isUnfinished();
    }

    /**
     * Whether the making of a registry was stopped here: there is its key, and no trace of anything
     * that was done with it. The last thing that is made is the store's mark.
     *
     * @throws RegistryException if the ledger that the configuration names cannot be reached
     */
    public boolean isUnfinished() {
        return Files.isRegularFile(secretKey())
                && holdsNothing(store())
                && holdsNothing(certificates())
                && !Ledger.hasEntries(sqlite())
                && !(Files.isRegularFile(config()) && Ledger.hasEntries(url()));
    }

    /** What is said of such a folder. */
    public RegistryException unfinished() {
        return new RegistryException(
                "'soup init' was stopped before the registry in "
                        + folder
                        + " was finished; give the same command again.");
    }

    /** Whether a folder holds no file but locks, and what was being written. */
    private static boolean holdsNothing(Path folder) {
        if (!Files.isDirectory(folder)) {
            return true;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(f -> !Files.isDirectory(f))
                    .map(f -> String.valueOf(f.getFileName()))
                    .allMatch(name -> name.equals("lock") || name.startsWith("."));
        } catch (IOException | UncheckedIOException e) {
            return false; // there is something, and nobody knows what
        }
    }

    /**
     * Writes the configuration again by what else tells of it: the store names the registry, and
     * the folder's key has to be the named one and to have signed the ledger that lies there.
     *
     * @return what was done, in words; empty if nothing is missing
     * @throws RegistryException if one of them is missing, or they do not fit together
     */
    public Optional<String> restore() {
        if (!isWithoutConfig()) {
            return Optional.empty();
        }
        StoreOwner owner =
                new WeightStore(store())
                        .owner()
                        .orElseThrow(() -> lost("nothing in " + store() + " names the registry"));
        PublicKeyFile key = PublicKeyFile.read(publicKey());
        if (!key.id().equals(owner.key())) {
            throw lost(publicKey() + " is the key " + key.id() + ", not " + owner.key());
        }
        if (!Files.isRegularFile(ledger())) {
            throw lost(
                    "its ledger "
                            + ledger()
                            + " is not here, and the URL of one on a server stands nowhere else; the"
                            + " file holds format (1), ledger (the URL), id ("
                            + owner.id()
                            + ") and key ("
                            + owner.key()
                            + ")");
        }
        var entries = Ledger.openToRead(sqlite(), java.time.Clock.systemUTC()).check(key).entries();
        if (!entries.isEmpty()) {
            throw lost(entries.getFirst());
        }
        write(SQLITE, owner);
        return Optional.of("wrote " + config() + " again for " + owner);
    }

    private RegistryException lost(String why) {
        return new RegistryException(
                config() + " is missing and cannot be written again: " + why + ".");
    }

    private String sqlite() {
        return "jdbc:sqlite:" + ledger().toAbsolutePath();
    }
}
