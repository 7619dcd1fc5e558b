package org.diffusionsoup.registry.certificate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.store.StoreException;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Checks a certificate with nothing but it, a public key and a store of weights: no ledger, no
 * trust in whoever wrote it beyond the key.
 */
public final class CertificateCheck {
    /** A certificate is a statement about a moment; what can be said of it later. */
    public enum Verdict {
        /** All that it says was found to be so. */
        HOLDS,
        /**
         * Nothing speaks against it, but an ingredient was withdrawn since, as a certificate of
         * that withdrawal says that was checked too, and what needs it can no longer be replayed;
         * or weights that left are in the store.
         */
        HELD,
        /**
         * Nothing speaks against it, but a check that was asked for came to no end: training again
         * gave other bytes, which may be due to where and how it was done.
         */
        CANNOT_TELL,
        /** Something it says is not so, or cannot be replayed without a certified reason. */
        FALSE
    }

    /**
     * What was found.
     *
     * @param checked what holds, in words
     * @param since what can no longer be replayed, and by which later withdrawal, and what is back
     * @param untold what a check could not decide, and why
     * @param wrong what does not hold, each naming the section, soup or file
     */
    public record Report(
            List<String> checked, List<String> since, List<String> untold, List<String> wrong) {
        public Report {
            checked = List.copyOf(checked);
            since = List.copyOf(since);
            untold = List.copyOf(untold);
            wrong = List.copyOf(wrong);
        }

        /** All of it in one word. */
        public Verdict verdict() {
            if (!wrong.isEmpty()) {
                return Verdict.FALSE;
            }
            if (!untold.isEmpty()) {
                return Verdict.CANNOT_TELL;
            }
            return since.isEmpty() ? Verdict.HOLDS : Verdict.HELD;
        }
    }

    private final JsonObject certificate;
    private final WeightStore store;
    private final List<String> checked = new ArrayList<>();
    private final List<String> since = new ArrayList<>();
    private final List<String> wrong = new ArrayList<>();

    private CertificateCheck(JsonObject certificate, WeightStore store) {
        this.certificate = certificate;
        this.store = store;
    }

    /** Whether a file is a certificate, valid or not. */
    public static boolean isOne(Path file) {
        return CertificateForm.isIn(file);
    }

    /**
     * Checks signature, sections and absence, and replays every soup. Certificates of later
     * withdrawals are looked for beside the certificate and in the store, which keeps one of each.
     *
     * @param file the certificate
     * @param key of the registry, from a source that is trusted
     * @param storeFolder with the surviving ingredients and the soups
     */
    public static Report check(
            Path file, PublicKeyFile key, Path storeFolder, SoupOptions options) {
        return check(file, key, storeFolder, List.of(), options);
    }

    /**
     * The same with certificates of later withdrawals from elsewhere.
     *
     * @param later files, and folders of them
     */
    public static Report check(
            Path file, PublicKeyFile key, Path storeFolder, List<Path> later, SoupOptions options) {
        JsonObject c = JsonValue.readObject(file);
        WeightStore store = new WeightStore(storeFolder);
        List<Path> places = new ArrayList<>(later);
        places.add(store.certificates());
        places.add(java.util.Objects.requireNonNull(file.toAbsolutePath().getParent()));
        places.removeIf(p -> !Files.exists(p) && !later.contains(p));
        CertificateCheck check = new CertificateCheck(c, store);
        LaterWithdrawals explained = new LaterWithdrawals(c, key, places);
        try {
            if (check.signature(key) && check.sections()) {
                check.owner();
                check.absence();
                check.besideWeights();
                check.backInStore();
                new SoupReplay(store, options, explained, check.checked, check.since, check.wrong)
                        .replay(Absence.soups(c));
            }
        } catch (org.diffusionsoup.registry.ledger.RegistryException | StoreException e) {
            check.wrong.add(String.valueOf(e.getMessage()));
        }
        return new Report(check.checked, check.since, List.of(), check.wrong);
    }

    private boolean signature(PublicKeyFile key) {
        Optional<String> broken = Seal.signature(certificate, key);
        broken.ifPresentOrElse(wrong::add, () -> checked.add("signed by the key " + key.id()));
        return broken.isEmpty();
    }

    /** What was changed since says nothing that could be checked further. */
    private boolean sections() {
        List<String> changed = Seal.sections(certificate);
        wrong.addAll(changed);
        if (changed.isEmpty()) {
            checked.add(
                    "all " + Json.map(certificate, "digests").size() + " sections are as signed");
        }
        return changed.isEmpty();
    }

    /** A store that is another registry's says nothing about this one's soups. */
    private void owner() {
        if (!certificate.fields().containsKey("registry")) {
            checked.add("the certificate is of before certificates named their registry");
            return;
        }
        JsonObject named = Json.object(certificate, "registry");
        StoreOwner expected = new StoreOwner(Json.string(named, "id"), Json.string(named, "key"));
        Optional<StoreOwner> is = store.owner();
        if (is.isEmpty()) {
            wrong.add(
                    "store: "
                            + store.folder()
                            + " names no registry, and the certificate's is "
                            + expected
                            + "; a copy of a store needs its registry.json too");
        } else if (!is.get().equals(expected)) {
            wrong.add(
                    "store: %s belongs to %s, and the certificate is of %s"
                            .formatted(store.folder(), is.get(), expected));
        } else {
            checked.add("the store is that of " + expected);
        }
    }

    /** None of what left may be anywhere in what the soups consist of. */
    private void absence() {
        Absence absence = Absence.of(certificate);
        wrong.addAll(absence.wrong());
        if (absence.wrong().isEmpty()) {
            checked.add(
                    absence.hashes().size() == 1
                            ? "the withdrawn hash is not in what the soups hold"
                            : "none of the "
                                    + absence.hashes().size()
                                    + " withdrawn hashes is in what the soups hold");
        }
        for (JsonObject s : Json.objects(certificate, CertificateForm.SHARED)) {
            checked.add(
                    "said to be shared: "
                            + Json.string(s, "name")
                            + " (entry "
                            + Json.number(s, "entry")
                            + ") has "
                            + Plural.of(Json.number(s, "tensors"), "tensor")
                            + " of what left, not of its base");
        }
        for (JsonObject r : Json.objects(certificate, CertificateForm.READMITTED)) {
            // What was there before has the same pictures under another shard, and never left.
            boolean came =
                    Json.number(r, "entry")
                            > Json.number(Json.object(certificate, "ledger"), "entry");
            checked.add(
                    (came
                                    ? "said to be back, as all pictures behind it are live in its shards: ingredient "
                                    : "said to stay, of a shard with pictures that left: ingredient ")
                            + Json.string(r, "name")
                            + " (entry "
                            + Json.number(r, "entry")
                            + ")");
        }
    }

    /** Files that left and that something live holds as a file without weights. */
    private void besideWeights() {
        Set<String> gone = Absence.of(certificate).hashes();
        for (JsonObject s : Absence.soups(certificate)) {
            List<String> held = new ArrayList<>(List.of(Json.string(s, "checkpoint")));
            Json.objects(s, "ingredients").forEach(i -> held.add(Json.string(i, "checkpoint")));
            held.stream()
                    .filter(store::has)
                    .flatMap(id -> store.manifest(id).otherFiles().entrySet().stream())
                    .filter(f -> gone.contains(f.getValue()))
                    .forEach(f ->
                            wrong.add(
                                    "soups: "
                                            + Absence.label(s)
                                            + " holds the withdrawn file "
                                            + f.getValue()
                                            + " as "
                                            + f.getKey()));
        }
    }

    /** Weights that left and lie in the store, though none of the certificate's soups has them. */
    private void backInStore() {
        Set<String> live = new HashSet<>();
        for (JsonObject s : Absence.soups(certificate)) {
            live.add(Json.string(s, "checkpoint"));
            Json.objects(s, "ingredients").forEach(i -> live.add(Json.string(i, "checkpoint")));
        }
        Json.objects(certificate, "bases").forEach(b -> live.add(Json.string(b, "checkpoint")));
        JsonObject gone = Json.object(certificate, "withdrawn");
        for (String list : List.of("ingredients", "bases", "soups")) {
            for (JsonObject o : Json.objects(gone, list)) {
                String id = Json.string(o, "checkpoint");
                if (store.has(id) && !live.contains(id)) {
                    since.add(
                            "the withdrawn checkpoint "
                                    + id
                                    + " (entry "
                                    + Json.number(o, "entry")
                                    + ") is in the store "
                                    + store.folder()
                                    + ": not deleted yet ('soup gc'), put back, or agreed on anew"
                                    + " since then, which a certificate issued now says");
                }
            }
        }
    }
}
