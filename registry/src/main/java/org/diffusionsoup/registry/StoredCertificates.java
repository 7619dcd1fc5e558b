package org.diffusionsoup.registry;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.Fsck.Finding;
import org.diffusionsoup.registry.Fsck.Severity;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;

/**
 * The certificates that lie in the store beside the weights, one of each withdrawal: who checks an
 * earlier certificate learns from them why weights are gone that it names.
 */
final class StoredCertificates {
    private final Registry registry;
    private final Path folder;

    StoredCertificates(Registry registry) {
        this.registry = registry;
        this.folder = registry.store().certificates();
    }

    private static String name(long withdrawal) {
        return "withdrawal-" + withdrawal + ".json";
    }

    /** Writes one here and among the registry's own; returns the latter. */
    Path save(long withdrawal) {
        byte[] text =
                Json.pretty(registry.certificate(withdrawal)).getBytes(StandardCharsets.UTF_8);
        AtomicFiles.write(folder.resolve(name(withdrawal)), text);
        Path own = registry.place().certificates().resolve(name(withdrawal));
        AtomicFiles.write(own, text);
        return own;
    }

    /** Writes those that are missing: of killed processes, or of a version that kept none. */
    void saveMissing() {
        for (long w : registry.read(Queries::withdrawals)) {
            if (!Files.exists(folder.resolve(name(w)))) {
                save(w);
            }
        }
    }

    /** Writes those again that are damaged; says so. */
    List<String> repair() {
        List<String> done = new ArrayList<>();
        for (long w : registry.read(Queries::withdrawals)) {
            if (!Files.exists(folder.resolve(name(w))) || wrong(w).isPresent()) {
                save(w);
                done.add("wrote the certificate of withdrawal " + w + " again");
            }
        }
        return done;
    }

    List<Finding> findings() {
        List<Finding> found = new ArrayList<>();
        for (long w : registry.read(Queries::withdrawals)) {
            Path file = folder.resolve(name(w));
            if (!Files.exists(file)) {
                found.add(
                        new Finding(
                                Severity.NOTE,
                                "store",
                                "certificate of withdrawal "
                                        + w
                                        + " ("
                                        + file
                                        + "): missing; 'soup gc' writes it"));
            } else {
                wrong(w).ifPresent(s ->
                        found.add(
                                new Finding(
                                        Severity.ERROR,
                                        "store",
                                        "certificate of withdrawal "
                                                + w
                                                + " ("
                                                + file
                                                + "): "
                                                + s)));
            }
        }
        return found;
    }

    private Optional<String> wrong(long withdrawal) {
        try {
            JsonObject c = JsonValue.readObject(folder.resolve(name(withdrawal)));
            Optional<String> broken = Seal.broken(c, registry.publicKey());
            if (broken.isPresent()) {
                return broken;
            }
            JsonObject ledger = Json.object(c, "ledger");
            Map<Long, String> hashes = new TreeMap<>();
            Json.objects(ledger, Certificates.WITHDRAWALS)
                    .forEach(
                            w -> hashes.put(Json.number(w, "entry"), Json.string(w, "entry_hash")));
            hashes.put(Json.number(ledger, "head"), Json.string(ledger, "head_hash"));
            hashes.put(withdrawal, Json.string(ledger, "entry_hash"));
            boolean same =
                    Json.number(ledger, "entry") == withdrawal
                            && registry.read(q ->
                                    hashes.entrySet().stream()
                                            .allMatch(e ->
                                                    q.entry(e.getKey())
                                                            .hash()
                                                            .equals(e.getValue())));
            return same ? Optional.empty() : Optional.of("it is of another ledger's entry");
        } catch (SoupException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }
}
