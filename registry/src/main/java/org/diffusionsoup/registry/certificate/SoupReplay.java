package org.diffusionsoup.registry.certificate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.soup.SoupMaker;
import org.diffusionsoup.registry.soup.SoupMaker.Made;
import org.diffusionsoup.registry.soup.SoupMaker.Part;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.WeightStore;

/** Averages a certificate's soups again from a store, and tells what came of it. */
final class SoupReplay {
    private final WeightStore store;
    private final SoupOptions options;
    private final LaterWithdrawals later;
    private final List<String> checked;
    private final List<String> since;
    private final List<String> wrong;

    /**
     * @param later what explains that an ingredient is gone
     * @param checked is given what holds
     * @param since is given what cannot be replayed, and why
     * @param wrong is given what does not hold
     */
    SoupReplay(
            WeightStore store,
            SoupOptions options,
            LaterWithdrawals later,
            List<String> checked,
            List<String> since,
            List<String> wrong) {
        this.store = store;
        this.options = options;
        this.later = later;
        this.checked = checked;
        this.since = since;
        this.wrong = wrong;
    }

    /** Replays soups as {@link Absence#soups} gives them. */
    void replay(List<JsonObject> soups) {
        for (JsonObject s : soups) {
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
                                        .collect(Collectors.joining()));
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
