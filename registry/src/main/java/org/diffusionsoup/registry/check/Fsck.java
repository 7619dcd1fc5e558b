package org.diffusionsoup.registry.check;

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
import org.diffusionsoup.registry.certificate.Heads;
import org.diffusionsoup.registry.certificate.StoredCertificates;
import org.diffusionsoup.registry.certificate.StoredCertificates.Unsound;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.context.Belonging;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.gate.HandedOutRightly;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.LedgerFindings;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.release.NeededWeights;
import org.diffusionsoup.registry.store.StoreFinding;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/**
 * Checks a registry: every entry's hash, chain and signature, what the ledger's database is made
 * of, every derived row against the entries, that ledger, key, store and certificates fit together,
 * every byte of every checkpoint that something live needs, every kept sum.
 */
public final class Fsck {
    private final Context context;
    private final WeightStore store;

    public Fsck(Context context) {
        this.context = context;
        this.store = context.store();
    }

    /**
     * Checks everything, and that the ledger still has what these certificates, or notes of its
     * head, say it had.
     */
    public List<Finding> check(List<Path> certificates) {
        try (WeightStore.Reading reading = store.openToRead()) { // nothing is collected meanwhile
            List<Finding> found = new ArrayList<>();
            LedgerFindings ledger = context.ledger().check(context.publicKey());
            ledger.wrong().forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
            ledger.notes().forEach(s -> found.add(new Finding(Severity.NOTE, "ledger", s)));
            key().ifPresent(found::add);
            try {
                context.read(HandedOutRightly::wrong)
                        .forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
                found.addAll(ties(certificates));
                Map<String, String> wanted =
                        context.read(q -> present(NeededWeights.wanted(q, true), q));
                found.addAll(damage(wanted));
                found.addAll(context.read(this::sums));
                found.addAll(context.read(q -> leftovers(q, wanted)));
                context.read(this::forgotten).ifPresent(found::add);
                context.read(context.shards()::expired)
                        .forEach(s ->
                                found.add(
                                        new Finding(
                                                Severity.NOTE,
                                                "ledger",
                                                "the last day of shard "
                                                        + s
                                                        + " is over; 'soup expire' takes it out")));
                context.read(q -> LateEntries.of(q, store))
                        .forEach(s -> found.add(new Finding(Severity.NOTE, "ledger", s)));
                context.read(ChoiceCheck::of)
                        .forEach(s -> found.add(new Finding(Severity.NOTE, "ledger", s)));
                found.addAll(context.read(q -> new ReturnCheck(store).findings(q)));
                new StoredCertificates(context).unsound().forEach(u -> found.add(certificate(u)));
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
            return found.stream().distinct().toList(); // one fault may show in several places
        }
    }

    private static Finding certificate(Unsound u) {
        String which = "certificate of withdrawal " + u.withdrawal() + " (" + u.file() + "): ";
        return u.wrong()
                .map(s -> new Finding(Severity.ERROR, "store", which + s))
                .orElseGet(() ->
                        new Finding(
                                Severity.NOTE, "store", which + "missing; 'soup gc' writes it"));
    }

    private Optional<Finding> key() {
        Path secret = context.place().secretKey();
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
        new Belonging(context)
                .wrong()
                .forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
        Heads.wrong(context, certificates)
                .forEach(s -> found.add(new Finding(Severity.ERROR, "ledger", s)));
        if (Files.isDirectory(store.folder())) {
            store.links().forEach(s -> found.add(new Finding(Severity.ERROR, "store", s)));
            store.foreign().forEach(s -> found.add(new Finding(Severity.NOTE, "store", s)));
            store.damaged()
                    .needlesslyAside()
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
    Map<String, String> present(Map<String, String> all, Queries q) {
        Set<String> needed = NeededWeights.wanted(q, false).keySet();
        Map<String, String> wanted = new TreeMap<>(all);
        wanted.keySet().removeIf(id -> !needed.contains(id) && !store.has(id));
        return wanted;
    }

    /** What is wrong in the store; for what only its owner can bring back, how, once. */
    private List<Finding> damage(Map<String, String> wanted) {
        List<Finding> found = new ArrayList<>();
        Set<String> told = new HashSet<>();
        for (StoreFinding f : store.check(new TreeMap<>(wanted))) {
            String advice =
                    told.add(f.checkpoint()) ? advice(wanted.getOrDefault(f.checkpoint(), "")) : "";
            String said =
                    advice.isEmpty()
                            ? f.sentence()
                            : f.sentence().replaceFirst("\\.$", "") + advice;
            found.add(new Finding(Severity.ERROR, "store", said));
        }
        return found;
    }

    private static String advice(String name) {
        boolean isMade = name.startsWith("soup ");
        return isMade
                ? "; 'soup fsck `repair`' makes it again, if its ingredients are whole"
                : "; 'soup fsck `repair` `original` PATH', with the weights as they were recorded,"
                        + " brings "
                        + name
                        + " back";
    }

    List<Finding> sums(Queries q) {
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

    /** Recorded checkpoints of which nobody knows any more what they held. */
    private Optional<Finding> forgotten(Queries q) {
        List<String> unknown =
                NeededWeights.recorded(q).stream().filter(id -> !isKnown(id)).sorted().toList();
        return unknown.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new Finding(
                                Severity.NOTE,
                                "store",
                                "what tensors "
                                        + Plural.of(unknown.size(), "recorded checkpoint")
                                        + " held is not known, since no manifest is there, the first "
                                        + unknown.getFirst()
                                        + ": when it is withdrawn, weights that hold a part of it are"
                                        + " not found"));
    }

    private boolean isKnown(String id) {
        try {
            return !store.known(id).files().isEmpty();
        } catch (SoupException e) {
            return false;
        }
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
}
