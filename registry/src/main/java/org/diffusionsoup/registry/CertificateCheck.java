package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.JsonValue;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Souper;
import org.diffusionsoup.registry.SoupMaker.Made;
import org.diffusionsoup.registry.SoupMaker.Part;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.StoreException;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Checks a certificate with nothing but it, a public key and a store of weights: no ledger, no
 * trust in whoever wrote it beyond the key.
 */
public final class CertificateCheck {
    /**
     * What was found.
     *
     * @param checked what holds, in words
     * @param wrong what does not, each naming the section, soup or file
     */
    public record Report(List<String> checked, List<String> wrong) {
        public Report {
            checked = List.copyOf(checked);
            wrong = List.copyOf(wrong);
        }
    }

    private final JsonObject certificate;
    private final WeightStore store;
    private final Souper.Options options;
    private final List<String> checked = new ArrayList<>();
    private final List<String> wrong = new ArrayList<>();

    private CertificateCheck(JsonObject certificate, WeightStore store, Souper.Options options) {
        this.certificate = certificate;
        this.store = store;
        this.options = options;
    }

    /** Whether a file is a certificate, valid or not. */
    public static boolean isOne(Path file) {
        try {
            return Files.isRegularFile(file)
                    && Files.size(file) < 32L << 20
                    && Files.newInputStream(file).read() == '{'
                    && JsonValue.readObject(file)
                            .string("type")
                            .orElse("")
                            .equals(Certificates.TYPE);
        } catch (java.io.IOException | SoupException e) {
            return false;
        }
    }

    /**
     * Checks signature, sections and absence, and replays every soup.
     *
     * @param file the certificate
     * @param key of the registry, from a source that is trusted
     * @param storeFolder with the surviving ingredients and the soups
     */
    public static Report check(
            Path file, PublicKeyFile key, Path storeFolder, Souper.Options options) {
        JsonObject c = JsonValue.readObject(file);
        CertificateCheck check = new CertificateCheck(c, new WeightStore(storeFolder), options);
        try {
            if (check.signature(key)) {
                check.sections();
                check.owner();
                check.absence();
                check.replay();
            }
        } catch (org.diffusionsoup.registry.ledger.RegistryException | StoreException e) {
            check.wrong.add(String.valueOf(e.getMessage()));
        }
        return new Report(check.checked, check.wrong);
    }

    private boolean signature(PublicKeyFile key) {
        String by = certificate.string("key").orElse("");
        if (!by.equals(key.id())) {
            wrong.add("key: the certificate names the key " + by + ", not the given " + key.id());
            return false;
        }
        JsonValue digests = certificate.fields().get("digests");
        if (digests == null
                || !key.verifies(
                        Certificates.DOMAIN + Json.canonical(digests),
                        certificate.string("signature").orElse(""))) {
            wrong.add(
                    "signature: it is not this key's; 'digests' or 'signature' were changed, or the"
                            + " key is another's");
            return false;
        }
        checked.add("signed by the key " + key.id());
        return true;
    }

    private void sections() {
        Map<String, String> digests = Json.map(certificate, "digests");
        Set<String> beside = Set.of("digests", "key", "signature");
        digests.forEach((name, hash) -> {
            JsonValue section = certificate.fields().get(name);
            if (section == null) {
                wrong.add(name + ": this section is missing");
            } else if (!Json.sha256(section).equals(hash)) {
                wrong.add(name + ": this section was changed after signing");
            }
        });
        certificate.fields().keySet().stream()
                .filter(name -> !digests.containsKey(name) && !beside.contains(name))
                .forEach(name -> wrong.add(name + ": this section was added after signing"));
        if (wrong.isEmpty()) {
            checked.add("all " + digests.size() + " sections are as signed");
        }
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

    /** None of what left may be anywhere in what the new soups consist of. */
    private void absence() {
        JsonObject gone = Json.object(certificate, "withdrawn");
        Set<String> hashes = new HashSet<>();
        Set<Long> entries = new HashSet<>();
        for (String list : List.of("ingredients", "soups")) {
            for (JsonObject i : Json.objects(gone, list)) {
                hashes.add(Json.string(i, "checkpoint"));
                hashes.addAll(Json.map(i, "files").values());
                entries.add(Json.number(i, "entry"));
            }
        }
        for (JsonObject s : Json.objects(gone, "shards")) {
            hashes.add(Json.string(s, "root"));
            entries.add(Json.number(s, "entry"));
        }
        // An ingredient's text encoder and autoencoder are the base's: they belong to all.
        for (JsonObject b : Json.objects(certificate, "bases")) {
            hashes.removeAll(Json.map(b, "files").values());
        }
        int before = wrong.size();
        for (JsonObject s : Json.objects(certificate, "soups")) {
            String soup = "soups: " + label(s);
            for (JsonObject i : Json.objects(s, "ingredients")) {
                String where = soup + " still holds ingredient " + Json.string(i, "name");
                if (entries.contains(Json.number(i, "entry"))
                        || hashes.contains(Json.string(i, "checkpoint"))
                        || Json.map(i, "files").values().stream().anyMatch(hashes::contains)) {
                    wrong.add(where + ", which was withdrawn");
                }
                for (JsonObject shard : Json.objects(i, "shards")) {
                    if (entries.contains(Json.number(shard, "entry"))
                            || hashes.contains(Json.string(shard, "root"))) {
                        wrong.add(
                                where
                                        + ", trained on the withdrawn shard "
                                        + Json.string(shard, "name"));
                    }
                }
            }
        }
        if (wrong.size() == before) {
            checked.add(
                    "none of the " + hashes.size() + " withdrawn hashes is in what the soups hold");
        }
    }

    private void replay() {
        for (JsonObject s : Json.objects(certificate, "soups")) {
            String soup = label(s);
            try {
                replay(s, soup);
            } catch (SoupException e) {
                wrong.add("soups: " + soup + " cannot be replayed: " + e.getMessage());
            }
        }
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
                            + parts.size()
                            + " ingredients again gives the same bytes"
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
        TreeMap<String, String> one = new TreeMap<>(Map.of(stored, "soup " + label(s)));
        return store.check(one).stream().findFirst().map(f -> f.sentence());
    }

    private static String label(JsonObject s) {
        return Json.string(s, "name") + "@" + Json.number(s, "version");
    }
}
