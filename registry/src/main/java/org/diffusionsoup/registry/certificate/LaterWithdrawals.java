package org.diffusionsoup.registry.certificate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;

/**
 * Certificates of withdrawals after one certificate, as far as they explain why an ingredient that
 * it names is not in the store any more. Each is checked before it is believed: its signature, its
 * sections, that none of what it withdrew is in the soups it names, and that it is of the same
 * history. Of two that have different entries in one place of the ledger neither is believed: one
 * key has signed two histories, and nothing here tells which of them is the registry's.
 */
final class LaterWithdrawals {
    /** Of a folder with more files than this, none is read: it is no folder of certificates. */
    private static final int MOST_FILES = 10_000;

    private final JsonObject certificate;
    private final PublicKeyFile key;
    private final List<Path> places;
    private final List<String> refused = new ArrayList<>();
    private @org.jspecify.annotations.Nullable List<JsonObject> believed;

    /**
     * @param certificate the one that is checked, with a signature that holds
     * @param places files, and folders whose {@code .json} files are looked through
     */
    LaterWithdrawals(JsonObject certificate, PublicKeyFile key, List<Path> places) {
        this.certificate = certificate;
        this.key = key;
        this.places = List.copyOf(places);
    }

    /** Why a certificate that was found does not count. */
    List<String> refused() {
        return List.copyOf(refused);
    }

    /** The certificate that took an ingredient out; empty if there is none that can be believed. */
    Optional<JsonObject> of(JsonObject ingredient) {
        return withdrawing("ingredients", ingredient, believed());
    }

    /**
     * The certificate that took a whole soup out, and with it the need for those of its ingredients
     * that nothing else held; empty if there is none that can be believed, or if the last of them
     * names the ingredient in a soup that is live.
     *
     * @param ingredient which is missing
     */
    Optional<JsonObject> ofSoup(JsonObject soup, JsonObject ingredient) {
        List<JsonObject> known = believed();
        boolean isLive =
                known.stream()
                        .max(Comparator.comparingLong(LaterWithdrawals::moment))
                        .filter(last ->
                                Absence.soups(last).stream()
                                        .flatMap(s -> Json.objects(s, "ingredients").stream())
                                        .anyMatch(i -> same(i, ingredient)))
                        .isPresent();
        return isLive ? Optional.empty() : withdrawing("soups", soup, known);
    }

    private static Optional<JsonObject> withdrawing(
            String list, JsonObject what, List<JsonObject> known) {
        return known.stream()
                .filter(c ->
                        Json.objects(Json.object(c, "withdrawn"), list).stream()
                                .anyMatch(i -> same(i, what)))
                .findFirst();
    }

    private List<JsonObject> believed() {
        List<JsonObject> known = believed;
        if (known == null) {
            known = find();
            believed = known;
        }
        return known;
    }

    private static boolean same(JsonObject a, JsonObject b) {
        return Json.number(a, "entry") == Json.number(b, "entry")
                && Json.string(a, "checkpoint").equals(Json.string(b, "checkpoint"))
                && Json.map(a, "files").equals(Json.map(b, "files"));
    }

    private List<JsonObject> find() {
        SequencedMap<Path, JsonObject> found = new LinkedHashMap<>();
        for (Path file : files()) {
            try {
                JsonObject c = JsonValue.readObject(file);
                Optional<String> wrong = wrong(c);
                if (wrong.isEmpty()) {
                    found.put(file, c);
                } else if (!wrong.get().isEmpty()) {
                    refused.add(file + ": " + wrong.get());
                }
            } catch (SoupException e) {
                refused.add(file + ": " + e.getMessage());
            }
        }
        List<JsonObject> agreed = new ArrayList<>();
        found.forEach((file, c) ->
                contradiction(c, found)
                        .ifPresentOrElse(
                                why -> refused.add(file + ": " + why), () -> agreed.add(c)));
        return agreed;
    }

    /** What another certificate has where one has something else, in words. */
    private static Optional<String> contradiction(
            JsonObject c, SequencedMap<Path, JsonObject> all) {
        Map<Long, String> mine = entries(c);
        for (Map.Entry<Path, JsonObject> other : all.entrySet()) {
            for (Map.Entry<Long, String> e : entries(other.getValue()).entrySet()) {
                String hash = mine.get(e.getKey());
                if (hash != null && !hash.equals(e.getValue())) {
                    return Optional.of(
                            "ledger: entry %d is another one than in %s: the key has signed two histories"
                                    .formatted(e.getKey(), other.getKey()));
                }
            }
        }
        return Optional.empty();
    }

    /** The entries whose hashes a certificate states. */
    private static Map<Long, String> entries(JsonObject certificate) {
        JsonObject ledger = Json.object(certificate, "ledger");
        Map<Long, String> entries = new TreeMap<>();
        entries.put(Json.number(ledger, "entry"), Json.string(ledger, "entry_hash"));
        if (ledger.get(CertificateForm.WITHDRAWALS).isPresent()) {
            history(ledger).forEach(e -> entries.put(e.getKey(), e.getValue()));
            entries.put(Json.number(ledger, "head"), Json.string(ledger, "head_hash"));
        }
        return entries;
    }

    /** Why a certificate cannot be believed; an empty text if it is just not a later one. */
    private Optional<String> wrong(JsonObject c) {
        Optional<String> broken = Seal.broken(c, key);
        if (broken.isPresent()) {
            return broken;
        }
        try {
            JsonObject here = Json.object(certificate, "ledger");
            JsonObject there = Json.object(c, "ledger");
            if (Json.number(there, "entry") <= moment(certificate)) {
                return Optional.of("");
            }
            if (there.get(CertificateForm.WITHDRAWALS).isPresent()
                    && !history(there)
                            .contains(
                                    Map.entry(
                                            Json.number(here, "entry"),
                                            Json.string(here, "entry_hash")))) {
                return Optional.of(
                        "ledger: its history is another one, without entry "
                                + Json.number(here, "entry")
                                + " as this certificate has it");
            }
            return Absence.of(c).wrong().stream().findFirst();
        } catch (RegistryException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /** A certificate speaks of the ledger at its head; earlier forms of the withdrawal. */
    private static long moment(JsonObject certificate) {
        JsonObject ledger = Json.object(certificate, "ledger");
        boolean told = ledger.get(CertificateForm.WITHDRAWALS).isPresent();
        return Json.number(ledger, told ? "head" : "entry");
    }

    private static List<Map.Entry<Long, String>> history(JsonObject ledger) {
        return Json.objects(ledger, CertificateForm.WITHDRAWALS).stream()
                .map(w -> Map.entry(Json.number(w, "entry"), Json.string(w, "entry_hash")))
                .toList();
    }

    private Set<Path> files() {
        Set<Path> files = new LinkedHashSet<>();
        for (Path place : places) {
            if (!Files.isDirectory(place)) {
                files.add(place);
                continue;
            }
            try (Stream<Path> all = Files.list(place)) {
                List<Path> some = all.limit(MOST_FILES + 1L).sorted().toList();
                if (some.size() <= MOST_FILES) {
                    some.stream()
                            .filter(f -> f.toString().endsWith(".json"))
                            .filter(CertificateForm::isIn)
                            .forEach(files::add);
                }
            } catch (IOException e) {
                throw new SoupIoException("read", place, e);
            }
        }
        return files;
    }
}
