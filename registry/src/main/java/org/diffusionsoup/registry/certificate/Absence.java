package org.diffusionsoup.registry.certificate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.weights.ContentHashes;
import org.diffusionsoup.registry.weights.Origin;

/**
 * Whether a certificate names something that left among what its soups consist of.
 *
 * @param hashes of what left: roots of shards, checkpoints, files
 * @param wrong what is still there, a sentence each
 */
record Absence(Set<String> hashes, List<String> wrong) {
    static Absence of(JsonObject certificate) {
        JsonObject gone = Json.object(certificate, "withdrawn");
        Set<String> hashes = new HashSet<>();
        Set<String> contents = new HashSet<>();
        Set<Long> entries = new HashSet<>();
        for (String list : List.of("bases", "ingredients", "soups")) {
            for (JsonObject i : Json.objects(gone, list)) {
                hashes.add(Json.string(i, "checkpoint"));
                hashes.addAll(Json.map(i, "files").values());
                contents.addAll(Json.strings(i, ContentHashes.FIELD));
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
            hashes.remove(Json.string(b, "checkpoint"));
            contents.removeAll(Json.strings(b, ContentHashes.FIELD));
        }
        // What is said to be shared, or to have come back by a new agreement, is said.
        for (JsonObject s : Json.objects(certificate, CertificateForm.SHARED)) {
            hashes.removeAll(Json.strings(s, "files"));
        }
        Set<Long> readmitted = new HashSet<>();
        Json.objects(certificate, CertificateForm.READMITTED)
                .forEach(r -> readmitted.add(Json.number(r, "entry")));
        List<String> wrong = new ArrayList<>();
        for (JsonObject s : soups(certificate)) {
            String soup = "soups: " + label(s);
            for (JsonObject i : Json.objects(s, "ingredients")) {
                String where = soup + " still holds ingredient " + Json.string(i, "name");
                boolean same =
                        hashes.contains(Json.string(i, "checkpoint"))
                                || Json.map(i, "files").values().stream()
                                        .anyMatch(hashes::contains);
                if (entries.contains(Json.number(i, "entry"))
                        || (same && !readmitted.contains(Json.number(i, "entry")))) {
                    wrong.add(where + ", which was withdrawn");
                }
                if (!readmitted.contains(Json.number(i, "entry"))
                        && namesOne(i, hashes, contents)) {
                    wrong.add(where + ", made of what was withdrawn, as its recipe says");
                }
                if (entries.contains(Json.number(i, "base"))) {
                    wrong.add(where + ", made from a withdrawn base");
                }
                for (JsonObject shard : Json.objects(i, "shards")) {
                    if (entries.contains(Json.number(shard, "entry"))
                            || (hashes.contains(Json.string(shard, "root"))
                                    && !readmitted.contains(Json.number(i, "entry")))) {
                        wrong.add(
                                where
                                        + ", trained on the withdrawn shard "
                                        + Json.string(shard, "name"));
                    }
                }
            }
        }
        return new Absence(hashes, List.copyOf(wrong));
    }

    /** Certificates of earlier versions have no recipes of soups that a withdrawal left alone. */
    private static boolean namesOne(
            JsonObject ingredient, Set<String> hashes, Set<String> contents) {
        return ingredient.get(CertificateForm.RECIPE).isPresent()
                && Origin.of(Json.object(ingredient, CertificateForm.RECIPE)).named().stream()
                        .anyMatch(n -> hashes.contains(n) || contents.contains(n));
    }

    /** The soups made instead, and all others that were live, each with what it consists of. */
    static List<JsonObject> soups(JsonObject certificate) {
        List<JsonObject> soups = new ArrayList<>(Json.objects(certificate, "soups"));
        if (certificate.get(CertificateForm.LIVE).isEmpty()) {
            return soups; // the first form spoke of the soups made instead alone
        }
        JsonObject live = Json.object(certificate, CertificateForm.LIVE);
        Map<Long, JsonObject> shards = byEntry(Json.objects(live, "shards"));
        Map<Long, JsonObject> ingredients = new HashMap<>();
        for (JsonObject i : Json.objects(live, "ingredients")) {
            List<JsonObject> of = new ArrayList<>();
            Json.numbers(i, "shards").forEach(s -> of.add(known(shards, s)));
            ingredients.put(Json.number(i, "entry"), Json.object(i).objects("shards", of).build());
        }
        for (JsonObject s : Json.objects(live, "soups")) {
            List<JsonObject> members = new ArrayList<>();
            for (JsonObject m : Json.objects(s, "ingredients")) {
                members.add(
                        Json.object(known(ingredients, Json.number(m, "entry")))
                                .put("coefficient", Json.string(m, "coefficient"))
                                .build());
            }
            soups.add(Json.object(s).objects("ingredients", members).build());
        }
        return soups;
    }

    private static Map<Long, JsonObject> byEntry(List<JsonObject> list) {
        Map<Long, JsonObject> map = new HashMap<>();
        list.forEach(o -> map.put(Json.number(o, "entry"), o));
        return map;
    }

    private static JsonObject known(Map<Long, JsonObject> map, long entry) {
        JsonObject o = map.get(entry);
        if (o == null) {
            throw new RegistryException(
                    CertificateForm.LIVE + ": it refers to entry " + entry + ", which it lacks.");
        }
        return o;
    }

    static String label(JsonObject soup) {
        return Json.string(soup, "name") + "@" + Json.number(soup, "version");
    }
}
