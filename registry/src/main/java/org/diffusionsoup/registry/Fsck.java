package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.SoupMaker.Made;
import org.diffusionsoup.registry.SoupMaker.Start;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.LedgerFindings;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.StoreFinding;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/**
 * Checks a registry: every entry's hash, chain and signature, what the ledger's database is made
 * of, every derived row against the entries, that ledger, key, store and certificates fit together,
 * every byte of every checkpoint that something live needs, every kept sum.
 */
public final class Fsck {
    /** How bad it is. */
    public enum Severity {
        /** Something is missing or was altered. */
        ERROR,
        /** Weights that should be gone are still there; {@code soup gc} deletes them. */
        NOTE
    }

    /**
     * Something that is not as it should be.
     *
     * @param where {@code ledger}, {@code store} or {@code sums}
     */
    public record Finding(Severity severity, String where, String sentence) {}

    /**
     * What a repair did.
     *
     * @param done in words
     * @param left what could not be repaired
     */
    public record Repair(List<String> done, List<Finding> left) {}

    private final Registry registry;
    private final WeightStore store;

    Fsck(Registry registry) {
        this.registry = registry;
        this.store = registry.store();
    }

    List<Finding> check(List<Path> certificates) {
        try (WeightStore.Reading reading = store.openToRead()) { // nothing is collected meanwhile
            List<Finding> found = new ArrayList<>();
            LedgerFindings ledger = registry.ledger().check(registry.publicKey());
            ledger.wrong().forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
            ledger.notes().forEach(s -> found.add(new Finding(Severity.NOTE, "ledger", s)));
            key().ifPresent(found::add);
            try {
                found.addAll(ties(certificates));
                Map<String, String> wanted =
                        registry.read(q -> present(Registry.wanted(q, true), q));
                found.addAll(damage(wanted));
                found.addAll(registry.read(this::sums));
                found.addAll(registry.read(q -> leftovers(q, wanted)));
                found.addAll(registry.read(q -> new ReturnCheck(store).findings(q)));
                found.addAll(new StoredCertificates(registry).findings());
            } catch (SoupException e) {
                if (ledger.wrong().isEmpty()) {
                    throw e;
                }
                // An altered ledger may not even be readable; what was found is told.
                found.add(
                        new Finding(
                                Severity.ERROR,
                                "store",
                                "not checked, because the ledger cannot be read: "
                                        + e.getMessage()));
            }
            return List.copyOf(found);
        }
    }

    private Optional<Finding> key() {
        Path secret = registry.place().secretKey();
        Optional<Finding> open =
                SigningKey.exposed(secret).map(s -> new Finding(Severity.ERROR, "ledger", s));
        return open.isPresent() || !SigningKey.isShared(secret)
                ? open
                : Optional.of(
                        new Finding(
                                Severity.NOTE,
                                "ledger",
                                "a group may read the secret key " + secret));
    }

    /** What ties ledger, key and store together, and to what was noted of the ledger elsewhere. */
    private List<Finding> ties(List<Path> certificates) {
        List<Finding> found = new ArrayList<>();
        new Belonging(registry)
                .wrong()
                .forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
        List<Path> files = new ArrayList<>(Heads.known(registry.place().certificates()));
        files.addAll(certificates);
        registry.read(q -> Heads.wrong(q, registry.publicKey(), files))
                .forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
        if (Files.isDirectory(store.folder())) {
            store.links().forEach(s -> found.add(new Finding(Severity.ERROR, "store", s)));
            store.foreign().forEach(s -> found.add(new Finding(Severity.NOTE, "store", s)));
            store.needlesslyAside()
                    .forEach(hash ->
                            found.add(
                                    new Finding(
                                            Severity.NOTE,
                                            "store",
                                            "damaged bytes of object "
                                                    + hash
                                                    + ", which is whole again, were put aside;"
                                                    + " 'soup gc' deletes them")));
        }
        return found;
    }

    /** Superseded soups may have been collected: they are checked where they are there. */
    private Map<String, String> present(Map<String, String> all, Queries q) {
        Set<String> needed = Registry.wanted(q, false).keySet();
        Map<String, String> wanted = new TreeMap<>(all);
        wanted.keySet().removeIf(id -> !needed.contains(id) && !store.has(id));
        return wanted;
    }

    /** What is wrong in the store; for what only its owner can bring back, how, once. */
    private List<Finding> damage(Map<String, String> wanted) {
        List<Finding> found = new ArrayList<>();
        Set<String> told = new HashSet<>();
        for (StoreFinding f : storeFindings(wanted)) {
            String advice =
                    told.add(f.checkpoint()) ? advice(wanted.getOrDefault(f.checkpoint(), "")) : "";
            found.add(new Finding(Severity.ERROR, "store", f.sentence() + advice));
        }
        return found;
    }

    private static String advice(String name) {
        String add =
                name.startsWith("ingredient ")
                        ? "soup ingredient add OTHERNAME `weights` ORIGINAL"
                        : name.startsWith("base ") ? "soup base add OTHERNAME ORIGINAL" : "";
        return add.isEmpty()
                ? ""
                : "; 'soup fsck `repair`' puts damaged bytes aside, and then '"
                        + add
                        + "' with the same weights brings "
                        + name
                        + " back";
    }

    private List<StoreFinding> storeFindings(Map<String, String> wanted) {
        return store.check(new TreeMap<>(wanted));
    }

    private List<Finding> sums(Queries q) {
        List<Finding> found = new ArrayList<>();
        for (SoupRow s : q.soups()) {
            if (!s.isCurrent()) {
                continue;
            }
            Map<String, String> expected = Json.map(q.entry(s.id()).body(), "sum");
            if (expected.isEmpty()) {
                continue;
            }
            var folder = store.sum(s.checkpoint());
            String name = "kept sum of soup " + s.label() + " (" + folder + ")";
            if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                found.add(new Finding(Severity.ERROR, "sums", name + ": missing"));
            } else if (!WeightStore.sumHashes(folder).equals(new TreeMap<>(expected))) {
                // Two soups of one content share a sum; the first one's record is the one kept.
                boolean another =
                        q.soups().stream()
                                .filter(o -> o.checkpoint().equals(s.checkpoint()))
                                .anyMatch(o ->
                                        WeightStore.sumHashes(folder)
                                                .equals(
                                                        new TreeMap<>(
                                                                Json.map(
                                                                        q.entry(o.id()).body(),
                                                                        "sum"))));
                if (!another) {
                    found.add(new Finding(Severity.ERROR, "sums", name + ": altered"));
                }
            }
        }
        return found;
    }

    /** What was withdrawn and is in the store still, or again, though nothing live holds it. */
    private List<Finding> leftovers(Queries q, Map<String, String> wanted) {
        Map<String, String> gone = new TreeMap<>();
        q.bases().stream()
                .filter(b -> b.withdrawn().isPresent())
                .forEach(b -> gone.put(b.checkpoint(), "base " + b.name()));
        q.ingredients().stream()
                .filter(i -> i.withdrawn().isPresent())
                .forEach(i -> gone.put(i.checkpoint(), "ingredient " + i.name()));
        q.soups().stream()
                .filter(s -> s.withdrawn().isPresent())
                .forEach(s -> gone.put(s.checkpoint(), "soup " + s.label()));
        gone.keySet().removeAll(wanted.keySet());
        List<Finding> found = new ArrayList<>();
        Set<String> told = new HashSet<>(wanted.keySet());
        gone.forEach((id, name) -> {
            if (store.has(id)) {
                found.add(leftover(name + ": its weights are"));
                told.add(id);
            } else if (Files.isDirectory(store.sum(id), LinkOption.NOFOLLOW_LINKS)) {
                found.add(leftover(name + ": its kept sum is"));
            }
        });
        Map<Long, Set<String>> single = new TreeMap<>();
        Set<String> once = new HashSet<>();
        for (WithdrawnWeight w : q.withdrawnWeights(store.objectsBut(told))) {
            if (once.add(w.sha256())) {
                single.computeIfAbsent(w.owner(), o -> new HashSet<>()).add(w.sha256());
            }
        }
        single.forEach((owner, hashes) ->
                found.add(
                        leftover(
                                ReturnedWeights.name(q, owner)
                                        + ": "
                                        + Plural.of(
                                                hashes.size(),
                                                "of its tensors is",
                                                "of its tensors are"))));
        return found;
    }

    private static Finding leftover(String what) {
        return new Finding(
                Severity.NOTE,
                "store",
                "withdrawn "
                        + what
                        + " still in the store, and nothing live holds that; 'soup gc' deletes it"
                        + " at once");
    }

    Repair repair(List<Path> certificates) {
        List<String> done = new ArrayList<>();
        LedgerFindings ledger = registry.ledger().check(registry.publicKey());
        if (!ledger.entries().isEmpty()) {
            return new Repair(done, check(certificates)); // entries can only be restored
        }
        if (!ledger.wrong().isEmpty() && !ledger.isRepairable()) {
            return new Repair(done, check(certificates)); // what may be somebody's own stays
        }
        if (!ledger.wrong().isEmpty()) {
            registry.ledger().rebuild();
            done.add(
                    ledger.database().isEmpty()
                            ? "filled the ledger's tables from its entries again ("
                                    + Plural.of(ledger.rows().size(), "row")
                                    + " differed)"
                            : "made the ledger's tables anew from its entries ("
                                    + Plural.of(
                                            ledger.database().size(),
                                            "thing in its database was not as it is made",
                                            "things in its database were not as they are made")
                                    + ")");
            if (!registry.ledger().check(registry.publicKey()).database().isEmpty()) {
                return new Repair(done, check(certificates)); // what may be somebody's own stays
            }
        }
        if (!new Belonging(registry).wrong().isEmpty() || !store.links().isEmpty()) {
            return new Repair(done, check(certificates)); // nothing of another's is touched
        }
        try (WeightStore.Session session = store.open()) {
            Map<String, String> wanted = registry.read(q -> present(Registry.wanted(q, true), q));
            done.addAll(new StoredCertificates(registry).repair());
            List<StoreFinding> damaged = storeFindings(wanted);
            Set<String> ids = new HashSet<>();
            for (StoreFinding f : damaged) {
                ids.add(f.checkpoint());
                if (!f.object().isEmpty()) {
                    store.putAside(f.object());
                }
            }
            for (SoupRow s : registry.read(Queries::soups)) {
                if (ids.remove(s.checkpoint())) {
                    remake(session, s, done);
                }
            }
            store.needlesslyAside().forEach(store::dropDamaged);
            for (Finding f : registry.read(this::sums)) {
                done.addAll(registry.read(q -> dropSums(q, f)));
            }
        }
        return new Repair(done, check(certificates));
    }

    private List<String> dropSums(Queries q, Finding f) {
        List<String> done = new ArrayList<>();
        for (SoupRow s : q.soups()) {
            var folder = store.sum(s.checkpoint());
            if (s.isCurrent() && f.sentence().contains(folder.toString())) {
                store.dropSum(s.checkpoint());
                try (WeightStore.Session session = store.open()) {
                    remakeSum(q, session, s, done);
                }
            }
        }
        return done;
    }

    private void remakeSum(Queries q, WeightStore.Session session, SoupRow s, List<String> done) {
        Start parts = Soups.start(q, s).orElseThrow();
        try {
            soupMaker().make(session, parts.parts(), true, Optional.empty());
            done.add("kept the sum of soup " + s.label() + " again");
        } catch (SoupException e) {
            store.dropSum(s.checkpoint());
        }
    }

    private SoupMaker soupMaker() {
        return new SoupMaker(store, registry.options());
    }

    private void remake(WeightStore.Session session, SoupRow s, List<String> done) {
        JsonObject body = registry.read(q -> q.entry(s.id()).body());
        Start parts = registry.read(q -> Soups.start(q, s)).orElseThrow();
        Optional<Manifest> before = manifest(s.checkpoint());
        store.forget(s.checkpoint());
        try {
            Made made =
                    soupMaker()
                            .make(
                                    session,
                                    parts.parts(),
                                    Json.flag(body, "keep_sum"),
                                    Optional.empty());
            done.add(
                    made.checkpoint().equals(s.checkpoint())
                            ? "made soup " + s.label() + " again, byte for byte"
                            : "made soup "
                                    + s.label()
                                    + " again, but its bytes differ: it is not taken");
        } catch (SoupException e) {
            done.add("could not make soup " + s.label() + " again: " + e.getMessage());
        }
        // What is whole of it stays for the time when the rest is back.
        before.ifPresent(store::put);
    }

    private Optional<Manifest> manifest(String id) {
        try {
            return Optional.of(store.manifest(id));
        } catch (SoupException e) {
            return Optional.empty();
        }
    }
}
