package org.diffusionsoup.registry.ledger;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
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

    private final Map<Long, Entry> ingredients = new HashMap<>();
    private final Map<Long, Entry> soups = new HashMap<>();

    /** What an entry says that it must not, each as the end of a sentence; takes it in. */
    List<String> accept(Entry e) {
        List<String> wrong = new ArrayList<>(check(e));
        switch (e.kind()) {
            case INGREDIENT -> ingredients.put(e.seq(), e);
            case SOUP -> soups.put(e.seq(), e);
            case WITHDRAWAL -> wrong.addAll(withdraw(e));
            default -> {}
        }
        return wrong;
    }

    /** The same of an entry that is yet to be written, without taking it in. */
    List<String> check(Entry e) {
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
        return wrong;
    }
}
