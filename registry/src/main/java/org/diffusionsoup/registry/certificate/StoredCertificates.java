package org.diffusionsoup.registry.certificate;

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
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;

/**
 * The certificates that lie in the store beside the weights, one of each withdrawal: who checks an
 * earlier certificate learns from them why weights are gone that it names.
 */
public final class StoredCertificates {
    private final Context context;
    private final Path folder;

    public StoredCertificates(Context context) {
        this.context = context;
        this.folder = context.store().certificates();
    }

    private static String name(long withdrawal) {
        return "withdrawal-" + withdrawal + ".json";
    }

    /** Writes one here and among the registry's own; returns the latter. */
    public Path save(long withdrawal) {
        return save(withdrawal, new Certificates(context).issue(withdrawal));
    }

    /** Writes one that was issued when its withdrawal was recorded. */
    public Path save(long withdrawal, JsonObject certificate) {
        byte[] text = Json.pretty(certificate).getBytes(StandardCharsets.UTF_8);
        AtomicFiles.write(folder.resolve(name(withdrawal)), text);
        Path own = context.place().certificates().resolve(name(withdrawal));
        AtomicFiles.write(own, text);
        return own;
    }

    /** Writes those that are missing: of killed processes, or of a version that kept none. */
    public void saveMissing() {
        for (long w : context.read(Queries::withdrawals)) {
            if (!Files.exists(folder.resolve(name(w)))) {
                save(w);
            }
        }
    }

    /** Writes those again that are damaged; says so. */
    public List<String> repair() {
        List<String> done = new ArrayList<>();
        unsound().stream()
                .map(Unsound::withdrawal)
                .distinct()
                .forEach(w -> {
                    save(w);
                    done.add("wrote the certificate of withdrawal " + w + " again");
                });
        return done;
    }

    /**
     * One that is missing or damaged.
     *
     * @param file where it should lie
     * @param wrong what is wrong with it; empty: it is missing
     */
    public record Unsound(long withdrawal, Path file, Optional<String> wrong) {}

    /**
     * Those that are missing or damaged. The registry's own copies are for handing out: one that is
     * missing was perhaps moved, but one that is there has to be right.
     */
    public List<Unsound> unsound() {
        List<Unsound> found = new ArrayList<>();
        for (long w : context.read(Queries::withdrawals)) {
            Path file = folder.resolve(name(w));
            if (!Files.exists(file)) {
                found.add(new Unsound(w, file, Optional.empty()));
            }
            for (Path f : List.of(file, context.place().certificates().resolve(name(w)))) {
                if (Files.exists(f)) {
                    wrong(f, w).ifPresent(s -> found.add(new Unsound(w, f, Optional.of(s))));
                }
            }
        }
        return found;
    }

    private Optional<String> wrong(Path file, long withdrawal) {
        try {
            JsonObject c = JsonValue.readObject(file);
            Optional<String> broken = Seal.broken(c, context.publicKey());
            if (broken.isPresent()) {
                return broken;
            }
            JsonObject ledger = Json.object(c, "ledger");
            Map<Long, String> hashes = new TreeMap<>();
            Json.objects(ledger, CertificateForm.WITHDRAWALS)
                    .forEach(
                            w -> hashes.put(Json.number(w, "entry"), Json.string(w, "entry_hash")));
            hashes.put(Json.number(ledger, "head"), Json.string(ledger, "head_hash"));
            hashes.put(withdrawal, Json.string(ledger, "entry_hash"));
            boolean same =
                    Json.number(ledger, "entry") == withdrawal
                            && context.read(q ->
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
