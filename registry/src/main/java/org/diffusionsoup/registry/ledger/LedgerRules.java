package org.diffusionsoup.registry.ledger;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * What no signed entry may say, told from the entries before it alone: the tables that queries use
 * may have been altered when an entry was written, and put right again since. Fed with entries in
 * their order.
 */
final class LedgerRules {
    /** Which entry withdrew a shard, an ingredient, a soup: their numbers are of one series. */
    private final Map<Long, Long> withdrawn = new HashMap<>();

    /** Soups in whose place there are others. */
    private final Set<Long> superseded = new HashSet<>();

    private final List<Entry> shards = new ArrayList<>();
    private final Map<Long, Entry> ingredients = new LinkedHashMap<>();
    private final Map<Long, Entry> soups = new LinkedHashMap<>();
    private final List<Entry> publications = new ArrayList<>();

    /** Single pictures that were withdrawn, by their shards. */
    private final Map<Long, Set<String>> samples = new HashMap<>();

    /** What an entry says that it must not, each as the end of a sentence; takes it in. */
    List<String> accept(Entry e) {
        List<String> wrong = new ArrayList<>(check(e));
        switch (e.kind()) {
            case SHARD -> shards.add(e);
            case INGREDIENT -> ingredients.put(e.seq(), e);
            case SOUP -> {
                soups.put(e.seq(), e);
                superseded.addAll(Json.numbers(e.body(), "replaces"));
            }
            case PUBLICATION -> publications.add(e);
            case WITHDRAWAL -> wrong.addAll(withdraw(e));
            default -> {}
        }
        return wrong;
    }

    private List<String> check(Entry e) {
        List<String> wrong = new ArrayList<>();
        JsonObject b = e.body();
        switch (e.kind()) {
            case INGREDIENT ->
                    Json.numbers(b, "shards").forEach(s -> refuse(wrong, "is trained on shard", s));
            case SOUP ->
                    Json.objects(b, "ingredients")
                            .forEach(m ->
                                    refuse(wrong, "holds ingredient", Json.number(m, "entry")));
            case PUBLICATION, EVALUATION -> refuse(wrong, "is of soup", Json.number(b, "soup"));
            default -> {}
        }
        return wrong;
    }

    private void refuse(List<String> wrong, String how, long id) {
        Long by = withdrawn.get(id);
        if (by != null) {
            wrong.add("%s %d, which entry %d withdrew".formatted(how, id, by));
        }
    }

    private List<String> withdraw(Entry w) {
        JsonObject b = w.body();
        for (String list : List.of("shards", "ingredients", "soups")) {
            Json.numbers(b, list).forEach(id -> withdrawn.putIfAbsent(id, w.seq()));
        }
        Set<Long> out = new HashSet<>(Json.numbers(b, "ingredients"));
        Set<Long> left = new HashSet<>(Json.numbers(b, "shards"));
        Json.objects(b, "samples").forEach(part -> left.add(Json.number(part, "shard")));
        List<String> wrong = new ArrayList<>();
        ingredients.values().stream()
                .filter(i -> !withdrawn.containsKey(i.seq()))
                .filter(i -> Json.numbers(i.body(), "shards").stream().anyMatch(left::contains))
                .forEach(i ->
                        wrong.add(
                                "leaves ingredient %d in, which was trained on what it withdraws"
                                        .formatted(i.seq())));
        soups.values().stream()
                .filter(s -> !withdrawn.containsKey(s.seq()))
                .filter(s ->
                        Json.objects(s.body(), "ingredients").stream()
                                .anyMatch(m -> out.contains(Json.number(m, "entry"))))
                .forEach(s ->
                        wrong.add(
                                "leaves soup %d in, which holds what it withdraws"
                                        .formatted(s.seq())));
        soups.values().stream()
                .filter(s -> !withdrawn.containsKey(s.seq()) && !superseded.contains(s.seq()))
                .filter(s -> isChosenAmong(s, left))
                .forEach(s ->
                        wrong.add(
                                "leaves soup %d in, which was chosen with a look at what it withdraws"
                                        .formatted(s.seq())));
        wrong.addAll(unlisted(b, left, out));
        wrong.addAll(leftPictures(b));
        return wrong;
    }

    private static boolean isChosenAmong(Entry soup, Set<Long> left) {
        return Json.numbers(soup.body(), "selected_among").stream().anyMatch(left::contains);
    }

    /** Copies handed out of soups that ever had anything to do with what leaves. */
    private List<String> unlisted(JsonObject withdrawal, Set<Long> left, Set<Long> out) {
        if (withdrawal.get("weights").isEmpty()) {
            // Of the versions before there was an index of tensors, which listed such copies once:
            // not those again that an earlier withdrawal had listed.
            return List.of();
        }
        Set<Long> ever = new HashSet<>(out);
        ingredients.values().stream()
                .filter(i -> Json.numbers(i.body(), "shards").stream().anyMatch(left::contains))
                .forEach(i -> ever.add(i.seq()));
        Set<Long> listed = new HashSet<>(Json.numbers(withdrawal, "publications"));
        List<String> wrong = new ArrayList<>();
        for (Entry p : publications) {
            Entry soup = soups.get(Json.number(p.body(), "soup"));
            if (soup == null || listed.contains(p.seq())) {
                continue;
            }
            boolean held =
                    Json.objects(soup.body(), "ingredients").stream()
                            .anyMatch(m -> ever.contains(Json.number(m, "entry")));
            if (held || isChosenAmong(soup, left)) {
                wrong.add(
                        "does not list publication %d, of soup %d, which %s what it withdraws"
                                .formatted(
                                        p.seq(),
                                        soup.seq(),
                                        held ? "held" : "was chosen with a look at"));
            }
        }
        return wrong;
    }

    /** Single pictures leave every live shard that has them. */
    private List<String> leftPictures(JsonObject withdrawal) {
        Set<String> named = new HashSet<>();
        for (JsonObject part : Json.objects(withdrawal, "samples")) {
            List<String> hashes = Json.strings(part, "sha256");
            named.addAll(hashes);
            samples.computeIfAbsent(Json.number(part, "shard"), k -> new HashSet<>())
                    .addAll(hashes);
        }
        if (named.isEmpty()) {
            return List.of();
        }
        List<String> wrong = new ArrayList<>();
        for (Entry s : shards) {
            Set<String> gone = samples.getOrDefault(s.seq(), Set.of());
            if (!withdrawn.containsKey(s.seq())) {
                Json.strings(s.body(), "manifest").stream()
                        .map(Projection::picture)
                        .filter(h -> named.contains(h) && !gone.contains(h))
                        .forEach(h ->
                                wrong.add("leaves picture %s in shard %d".formatted(h, s.seq())));
            }
        }
        return wrong;
    }
}
