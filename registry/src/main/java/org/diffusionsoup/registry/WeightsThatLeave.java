package org.diffusionsoup.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * The weights of ingredients and soups that leave, by hashes: finds what else holds them under
 * another name, and lists those that are nobody else's for the ledger's index of all that was ever
 * withdrawn.
 */
final class WeightsThatLeave {
    /** In a withdrawal's entry: hashes of what left, by what they were of. */
    static final String WEIGHTS = "weights";

    /** In a withdrawal's entry: what stays and has a part of them. */
    static final String SHARED = "shared";

    private final HeldWeights.Reader reader;

    /** What leaves, with the base that its text encoder and the like may be of. */
    private record Leaving(long entry, HeldWeights held, Set<String> own, long bytes) {}

    private final Map<Long, Leaving> leaving = new HashMap<>();

    WeightsThatLeave(WeightStore store) {
        this.reader = new HeldWeights.Reader(store);
    }

    void add(Queries q, IngredientRow i) {
        add(q, i.id(), i.checkpoint(), i.base());
    }

    void add(Queries q, SoupRow s) {
        long base = q.ingredient(s.members().getFirst().ingredient()).orElseThrow().base();
        add(q, s.id(), s.checkpoint(), base);
    }

    void add(Queries q, BaseRow b) {
        put(b.id(), reader.of(q, b.id(), b.checkpoint()), new HeldWeights("", Set.of(), Map.of()));
    }

    private void add(Queries q, long entry, String checkpoint, long base) {
        if (!leaving.containsKey(entry)) {
            BaseRow b = q.bases().stream().filter(x -> x.id() == base).findFirst().orElseThrow();
            put(entry, reader.of(q, entry, checkpoint), reader.of(q, b.id(), b.checkpoint()));
        }
    }

    private void put(long entry, HeldWeights held, HeldWeights base) {
        Set<String> own = held.without(base);
        long bytes =
                held.tensors().entrySet().stream()
                        .filter(t -> own.contains(t.getKey()))
                        .mapToLong(Map.Entry::getValue)
                        .sum();
        leaving.put(entry, new Leaving(entry, held, own, bytes));
    }

    /**
     * Whether something is what leaves under another name: the same checkpoint, or more than half
     * of the bytes that something that leaves does not have from its base. (Less can be a text
     * encoder that all ingredients were saved with in another format than the base's.)
     */
    boolean isCopy(Queries q, long entry, String checkpoint) {
        HeldWeights other = reader.of(q, entry, checkpoint);
        for (Leaving l : leaving.values()) {
            if (l.held().checkpoint().equals(checkpoint)) {
                return true;
            }
            long same = 0;
            for (Map.Entry<String, Long> t : other.tensors().entrySet()) {
                same += l.own().contains(t.getKey()) ? t.getValue() : 0;
            }
            if (2 * same > l.bytes()) {
                return true;
            }
            boolean blind = l.held().tensors().isEmpty() || other.tensors().isEmpty();
            if (blind && other.files().stream().anyMatch(l.own()::contains)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Fields for the withdrawal's entry.
     *
     * @param staying ids of live bases and ingredients that stay, by their entries
     * @param names of those
     * @param replacements checkpoints that take the place of what was trained again
     */
    void describe(
            Queries q,
            Map<Long, String> staying,
            Map<Long, String> names,
            List<String> replacements,
            Json.Builder body) {
        Set<String> kept = new HashSet<>();
        List<JsonObject> shared = new ArrayList<>();
        Set<String> all = new HashSet<>();
        leaving.values().forEach(l -> all.addAll(l.own()));
        for (Map.Entry<Long, String> s : staying.entrySet()) {
            HeldWeights h = reader.of(q, s.getKey(), s.getValue());
            TreeSet<String> tensors = new TreeSet<>(h.tensors().keySet());
            tensors.retainAll(all);
            TreeSet<String> files = new TreeSet<>(h.files());
            files.retainAll(all);
            kept.addAll(tensors);
            kept.addAll(files);
            if (!tensors.isEmpty() || !files.isEmpty()) {
                shared.add(
                        Json.object()
                                .put("entry", s.getKey())
                                .put("name", names.getOrDefault(s.getKey(), ""))
                                .put("tensors", tensors.size())
                                .strings("files", files)
                                .build());
            }
        }
        for (String id : replacements) {
            kept.addAll(reader.of(id).files());
            kept.addAll(reader.of(id).tensors().keySet());
        }
        List<JsonObject> weights = new ArrayList<>();
        for (long entry : new TreeSet<>(leaving.keySet())) {
            Leaving l = leaving.get(entry);
            TreeSet<String> own = new TreeSet<>(l == null ? Set.of() : l.own());
            own.removeAll(kept);
            weights.add(Json.object().put("entry", entry).strings("sha256", own).build());
        }
        body.objects(WEIGHTS, weights).objects(SHARED, shared);
    }
}
