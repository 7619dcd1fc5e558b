package org.diffusionsoup.registry.check;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.certificate.StoredCertificates;
import org.diffusionsoup.registry.context.Belonging;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.LedgerFindings;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.release.NeededWeights;
import org.diffusionsoup.registry.soup.SoupMaker;
import org.diffusionsoup.registry.soup.SoupMaker.Made;
import org.diffusionsoup.registry.soup.SoupMaker.Start;
import org.diffusionsoup.registry.store.LeftOut;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Staged;
import org.diffusionsoup.registry.store.StoreException;
import org.diffusionsoup.registry.store.StoreFinding;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Makes again what follows from what is whole: the ledger's tables from its entries, soups and kept
 * sums from ingredients, certificates from the ledger. What may be somebody's own stays.
 */
public final class Repairs {
    private final Context context;
    private final WeightStore store;
    private final Fsck fsck;

    public Repairs(Context context) {
        this.context = context;
        this.store = context.store();
        this.fsck = new Fsck(context);
    }

    /**
     * Re-makes what can be, then checks again.
     *
     * @param certificates as {@link Fsck#check} takes them
     * @param originals checkpoints as they were when they were recorded, to bring back what is
     *     missing or altered of them; nothing is taken from one of which nothing is
     */
    public Repair repair(List<Path> certificates, List<Path> originals) {
        List<String> done = new ArrayList<>();
        LedgerFindings ledger = context.ledger().check(context.publicKey());
        if (!ledger.entries().isEmpty()) {
            return new Repair(done, fsck.check(certificates)); // entries can only be restored
        }
        if (!ledger.wrong().isEmpty() && !ledger.isRepairable()) {
            return new Repair(done, fsck.check(certificates)); // what may be somebody's own stays
        }
        if (!ledger.wrong().isEmpty()) {
            context.ledger().rebuild();
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
            if (!context.ledger().check(context.publicKey()).database().isEmpty()) {
                return new Repair(
                        done, fsck.check(certificates)); // what may be somebody's own stays
            }
        }
        if (!new Belonging(context).wrong().isEmpty() || !store.links().isEmpty()) {
            return new Repair(done, fsck.check(certificates)); // nothing of another's is touched
        }
        try (WeightStore.Session session = store.open()) {
            Map<String, String> wanted =
                    context.read(q -> fsck.present(NeededWeights.wanted(q, true), q));
            done.addAll(new StoredCertificates(context).repair());
            List<StoreFinding> damaged = store.check(new TreeMap<>(wanted));
            Set<String> ids = new HashSet<>();
            for (StoreFinding f : damaged) {
                ids.add(f.checkpoint());
                if (!f.object().isEmpty()) {
                    store.damaged().putAside(f.object());
                }
            }
            for (Path original : originals) {
                bringBack(original, ids, wanted, done);
            }
            for (SoupRow s : context.read(Queries::soups)) {
                if (ids.remove(s.checkpoint())) {
                    remake(session, s, done);
                }
            }
            store.damaged().needlesslyAside().forEach(store.damaged()::drop);
            for (Finding f : context.read(fsck::sums)) {
                done.addAll(context.read(q -> dropSums(q, f)));
            }
        }
        return new Repair(done, fsck.check(certificates));
    }

    /** Puts what an original has into the store, if it is what is damaged there. */
    private void bringBack(
            Path original, Set<String> damaged, Map<String, String> names, List<String> done) {
        String is = "";
        for (List<String> leftOut : ways(original, damaged)) {
            try (Staged s = store.stage(original, leftOut)) {
                if (damaged.remove(s.id())) {
                    s.keep();
                    done.add("brought " + names.get(s.id()) + " back from " + original);
                    return;
                }
                is = s.id();
            }
        }
        done.add(
                "took nothing from "
                        + original
                        + ": it is checkpoint "
                        + is
                        + ", and nothing of that is missing or altered here");
    }

    /** What may have been left out of an original when it came, whichever version took it in. */
    private Set<List<String>> ways(Path original, Set<String> damaged) {
        Set<List<String>> ways = new LinkedHashSet<>();
        for (String id : damaged) {
            try {
                ways.add(LeftOut.of(original, store.known(id)));
            } catch (StoreException e) {
                // Its manifest is damaged, too.
            }
        }
        ways.add(LeftOut.of(original, (path, sha256) -> false, sha256 -> false));
        ways.add(List.of());
        return ways;
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
        Start parts = Start.of(q, s);
        try {
            soupMaker().make(session, parts.parts(), true, Optional.empty());
            done.add("kept the sum of soup " + s.label() + " again");
        } catch (SoupException e) {
            store.dropSum(s.checkpoint());
        }
    }

    private SoupMaker soupMaker() {
        return new SoupMaker(store, context.options());
    }

    private void remake(WeightStore.Session session, SoupRow s, List<String> done) {
        JsonObject body = context.read(q -> q.entry(s.id()).body());
        Start parts = context.read(q -> Start.of(q, s));
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
