package org.diffusionsoup.registry.certificate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.soup.SoupMaker;
import org.diffusionsoup.registry.soup.SoupMaker.Made;
import org.diffusionsoup.registry.soup.SoupMaker.Part;
import org.diffusionsoup.registry.store.Manifest;
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
         * that withdrawal says that was checked too; what needs it can no longer be replayed.
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
     * @param since what can no longer be replayed, and by which later withdrawal
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
    private final SoupOptions options;
    private final LaterWithdrawals later;
    private final List<String> checked = new ArrayList<>();
    private final List<String> since = new ArrayList<>();
    private final List<String> wrong = new ArrayList<>();

    private CertificateCheck(
            JsonObject certificate,
            WeightStore store,
            SoupOptions options,
            LaterWithdrawals later) {
        this.certificate = certificate;
        this.store = store;
        this.options = options;
        this.later = later;
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
        CertificateCheck check =
                new CertificateCheck(c, store, options, new LaterWithdrawals(c, key, places));
        try {
            if (check.signature(key) && check.sections()) {
                check.owner();
                check.absence();
                check.replay();
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
                    "said to be shared: ingredient "
                            + Json.string(s, "name")
                            + " (entry "
                            + Json.number(s, "entry")
                            + ") has "
                            + Plural.of(Json.number(s, "tensors"), "tensor")
                            + " of what left, not of its base");
        }
        for (JsonObject r : Json.objects(certificate, CertificateForm.READMITTED)) {
            checked.add(
                    "said to have come back by a new agreement: ingredient "
                            + Json.string(r, "name"));
        }
    }

    private void replay() {
        for (JsonObject s : Absence.soups(certificate)) {
            String soup = Absence.label(s);
            try {
                if (allThere(s, soup)) {
                    replay(s, soup);
                }
            } catch (SoupException e) {
                wrong.add("soups: " + soup + " cannot be replayed: " + e.getMessage());
            }
        }
    }

    /** Whether the store has a soup's ingredients; one that left later is told of, and by what. */
    private boolean allThere(JsonObject s, String soup) {
        boolean all = true;
        for (JsonObject i : Json.objects(s, "ingredients")) {
            if (store.has(Json.string(i, "checkpoint"))) {
                continue;
            }
            all = false;
            String name = Json.string(i, "name");
            Optional<JsonObject> by = later.of(i);
            Optional<JsonObject> whole = by.isPresent() ? by : later.ofSoup(s, i);
            if (by.isPresent()) {
                tellSince(soup, "ingredient " + name + " was withdrawn", by.get());
            } else if (whole.isPresent()) {
                tellSince(
                        soup,
                        "the soup was withdrawn, and nothing live holds its ingredient " + name,
                        whole.get());
            } else {
                wrong.add(
                        "soups: "
                                + soup
                                + " cannot be replayed: the store "
                                + store.folder()
                                + " has no ingredient "
                                + name
                                + " (checkpoint "
                                + Json.string(i, "checkpoint")
                                + "), and no certificate of a later withdrawal says that it left"
                                + " (`later`)"
                                + later.refused().stream()
                                        .map(r -> "; not believed: " + r)
                                        .collect(java.util.stream.Collectors.joining()));
            }
        }
        return all;
    }

    private void tellSince(String soup, String what, JsonObject by) {
        JsonObject ledger = Json.object(by, "ledger");
        since.add(
                "soup "
                        + soup
                        + ": since then "
                        + what
                        + " (entry "
                        + Json.number(ledger, "entry")
                        + ", "
                        + Json.string(ledger, "withdrawn_at")
                        + ", '"
                        + Json.string(Json.object(by, "withdrawn"), "reason")
                        + "'), so it can no longer be replayed here");
    }

    private void replay(JsonObject s, String soup) {
        List<Part> parts = new ArrayList<>();
        int before = wrong.size();
        for (JsonObject i : Json.objects(s, "ingredients")) {
            String name = Json.string(i, "name");
            String id = Json.string(i, "checkpoint");
            Manifest m = store.manifest(id);
            if (!m.weightFiles().equals(new TreeMap<>(Json.map(i, "files")))) {
                wrong.add("soups: the files of ingredient " + name + " are not those of " + id);
            }
            parts.add(new Part(name, id, Coefficient.parse(Json.string(i, "coefficient"))));
        }
        if (wrong.size() > before) {
            return;
        }
        // Into a store of its own: what is there must not be what is compared with itself.
        try (WeightStore.Session from = store.open()) {
            Path out = from.work().resolve("replayed");
            Made made = new SoupMaker(store, options).replay(from, parts, new WeightStore(out));
            Manifest again = new WeightStore(out).manifest(made.checkpoint());
            Map<String, String> expected = Json.map(s, "files");
            again.weightFiles()
                    .forEach((file, hash) -> {
                        if (!hash.equals(expected.get(file))) {
                            wrong.add(
                                    "soups: "
                                            + soup
                                            + ": averaging its ingredients again gives other bytes"
                                            + " for "
                                            + file
                                            + " ("
                                            + hash
                                            + ")");
                        }
                    });
            if (!again.weightFiles().keySet().equals(expected.keySet())) {
                wrong.add("soups: " + soup + ": it lists other files than its ingredients have");
            }
        }
        String stored = Json.string(s, "checkpoint");
        Optional<String> differs = compareStored(stored, s);
        differs.ifPresent(d -> wrong.add("soups: " + soup + ": " + d));
        if (wrong.size() == before) {
            checked.add(
                    "soup "
                            + soup
                            + ": averaging its "
                            + Plural.of(parts.size(), "ingredient")
                            + " again gives the same bytes"
                            + (store.has(stored) ? ", which are those in the store" : ""));
        }
    }

    /** A soup made by a later change may be gone from the store; what is there must be right. */
    private Optional<String> compareStored(String stored, JsonObject s) {
        if (!store.has(stored)) {
            return Optional.empty();
        }
        if (!store.manifest(stored).weightFiles().equals(new TreeMap<>(Json.map(s, "files")))) {
            return Optional.of("the store's copy has other files");
        }
        TreeMap<String, String> one = new TreeMap<>(Map.of(stored, "soup " + Absence.label(s)));
        return store.check(one).stream().findFirst().map(f -> f.sentence());
    }
}
