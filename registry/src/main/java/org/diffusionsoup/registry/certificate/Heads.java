package org.diffusionsoup.registry.certificate;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.store.StoreOwner;

/**
 * Heads of the ledger that were noted somewhere: in certificates, in notes of publications, in what
 * {@code soup log --head} printed. An entry's hash fixes all entries before it, so a ledger that
 * lacks a noted entry was cut off, or is an older copy, or tells another history.
 */
public final class Heads {
    static final String TYPE = "diffusion-soup ledger head";

    /** So many certificates of a folder are read, those of the highest numbers. */
    private static final int MOST_FILES = 1000;

    private static final long MOST_BYTES = 32L << 20;

    private Heads() {}

    private record Noted(long entry, String hash) {}

    /** A head to note elsewhere: its signature is the entry's own. */
    public static JsonObject of(Entry e, StoreOwner self) {
        return Json.object()
                .put("type", TYPE)
                .put("registry", owner(self))
                .put("entry", e.seq())
                .put("time", e.time())
                .put("hash", e.hash())
                .put("signature", e.signature())
                .build();
    }

    /**
     * The newest entry's.
     *
     * @throws RegistryException if there is no entry yet
     */
    public static JsonObject newest(Queries q, StoreOwner self) {
        return of(
                q.last().orElseThrow(() -> new RegistryException("The ledger has no entry yet.")),
                self);
    }

    /** A registry, as certificates and notes name it. */
    static JsonObject owner(StoreOwner self) {
        return Json.object().put("id", self.id()).put("key", self.key()).build();
    }

    /**
     * What the certificates and notes in a registry's own folder, and the certificates in its
     * store, say of the ledger that is not so, and what other files do.
     *
     * @param given elsewhere
     */
    public static List<String> wrong(Context context, List<Path> given) {
        // Files before the ledger: each is written when its entry is there.
        List<Path> files = new ArrayList<>(known(context.place().certificates()));
        files.addAll(given);
        List<Path> stored = known(context.store().certificates());
        return context.read(q -> wrong(q, context.publicKey(), files, stored));
    }

    private static List<String> wrong(
            Queries q, PublicKeyFile key, List<Path> files, List<Path> stored) {
        Set<Noted> told = new HashSet<>();
        List<String> wrong = wrong(q, key, files, told);
        // A damaged one in the store is told with its withdrawal.
        for (Path file : stored) {
            try {
                noted(file, key).stream()
                        .filter(told::add)
                        .forEach(n -> compare(q, n, file).ifPresent(wrong::add));
            } catch (SoupException e) {
                continue;
            }
        }
        return wrong;
    }

    /**
     * The first certificate or note in the registry's folder or store by whose name the ledger has
     * an entry that it has not, or of another kind: to be asked before anything is written, since
     * what is written then is signed in the place of what was signed before.
     *
     * @return a sentence without a full stop; empty if there is none, or none of this key
     */
    public static Optional<String> firstUnknown(Context context) {
        List<Path> files = new ArrayList<>(known(context.place().certificates()));
        files.addAll(known(context.store().certificates()));
        return context.read(q -> firstUnknown(q, context.publicKey(), files));
    }

    private static Optional<String> firstUnknown(Queries q, PublicKeyFile key, List<Path> files) {
        for (Path file : files) {
            Kind kind = name(file).startsWith("withdrawal") ? Kind.WITHDRAWAL : Kind.PUBLICATION;
            if (q.find(number(file)).filter(e -> e.kind() == kind).isPresent()) {
                continue;
            }
            try {
                for (Noted n : noted(file, key)) {
                    Optional<String> wrong = compare(q, n, file);
                    if (wrong.isPresent()) {
                        return wrong;
                    }
                }
            } catch (SoupException e) {
                continue; // anybody can give a file such a name
            }
        }
        return Optional.empty();
    }

    /** Certificates and notes in a folder. */
    private static List<Path> known(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        PriorityQueue<Path> newest = new PriorityQueue<>(Comparator.comparing(Heads::number));
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
            for (Path p : all) {
                if (name(p).matches("(withdrawal|publication)-[0-9]{1,18}\\.json")) {
                    newest.add(p);
                    if (newest.size() > MOST_FILES) {
                        newest.remove();
                    }
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        return newest.stream().sorted(Comparator.comparing(Heads::number)).toList();
    }

    private static String name(Path p) {
        return String.valueOf(p.getFileName());
    }

    private static long number(Path p) {
        return Long.parseLong(name(p).replaceAll("[^0-9]", ""));
    }

    /**
     * What these files say of the ledger that is not so, in sentences; a file given twice, once.
     *
     * @param told to which is added what they note
     */
    private static List<String> wrong(
            Queries q, PublicKeyFile key, List<Path> files, Set<Noted> told) {
        List<String> wrong = new ArrayList<>();
        Map<Path, Path> once = new LinkedHashMap<>();
        files.forEach(f -> once.putIfAbsent(place(f), f));
        for (Path file : once.values()) {
            try {
                for (Noted n : noted(file, key)) {
                    told.add(n);
                    compare(q, n, file).ifPresent(wrong::add);
                }
            } catch (SoupException e) {
                wrong.add(String.valueOf(e.getMessage()));
            }
        }
        return wrong;
    }

    /** Where a file lies, however its path is written; what is not there is told of later. */
    private static Path place(Path file) {
        try {
            return file.toRealPath(LinkOption.NOFOLLOW_LINKS);
        } catch (IOException e) {
            return file.toAbsolutePath().normalize();
        }
    }

    private static Optional<String> compare(Queries q, Noted n, Path file) {
        Optional<Entry> is = q.find(n.entry());
        if (is.isPresent() && is.get().hash().equals(n.hash())) {
            return Optional.empty();
        }
        return Optional.of(
                is.isPresent()
                        ? "%s notes the hash %s of ledger entry %d, and the ledger's own is %s: this ledger tells another history"
                                .formatted(file, n.hash(), n.entry(), is.get().hash())
                        : "%s notes ledger entry %d (%s), and the ledger ends at entry %d: newer entries were cut off, or this is an older copy"
                                .formatted(
                                        file,
                                        n.entry(),
                                        n.hash(),
                                        q.last().map(Entry::seq).orElse(0L)));
    }

    private static List<Noted> noted(Path file, PublicKeyFile key) {
        try {
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                    || Files.size(file) > MOST_BYTES) {
                throw new SoupException(file + " is no certificate: it is no file, or too large.");
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        JsonObject o = JsonValue.readObject(file);
        return switch (o.string("type").orElse("")) {
            case TYPE -> {
                String hash = Json.string(o, "hash");
                if (!Entry.signed(hash, Json.string(o, "signature"), key)) {
                    throw foreign(file, key);
                }
                yield List.of(new Noted(Json.number(o, "entry"), hash));
            }
            case CertificateForm.TYPE -> {
                JsonObject ledger = Json.object(o, "ledger");
                JsonObject digests = Json.object(o, "digests");
                if (!key.verifies(
                                CertificateForm.DOMAIN + Json.canonical(digests),
                                Json.string(o, "signature"))
                        || !Json.sha256(ledger).equals(Json.string(digests, "ledger"))) {
                    throw foreign(file, key);
                }
                yield List.of(
                        new Noted(Json.number(ledger, "entry"), Json.string(ledger, "entry_hash")),
                        new Noted(Json.number(ledger, "head"), Json.string(ledger, "head_hash")));
            }
            default ->
                    throw new SoupException(
                            file + " is neither a certificate nor what 'soup log `head`' printed.");
        };
    }

    private static SoupException foreign(Path file, PublicKeyFile key) {
        return new SoupException(
                file + " is not signed by this registry's key (" + key.id() + "), or was altered");
    }
}
