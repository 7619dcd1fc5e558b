package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
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
public final class WeightsThatLeave {
    /** In a withdrawal's entry: hashes of what left, by what they were of. */
    static final String WEIGHTS = "weights";

    /** In a withdrawal's entry: what stays and has a part of them. */
    public static final String SHARED = "shared";

    /** Later than all that is recorded. */
    static final long NEWEST = Long.MAX_VALUE;

    private final HeldWeights.Reader reader;

    /**
     * What leaves.
     *
     * @param own hashes of what no base had before it
     * @param contents hashes by which recipes name it otherwise, but those of such a base
     * @param since as old as this entry, or older
     * @param bytes of its own tensors
     * @param isNew whether it has any tensor of its own, however small
     */
    private record Leaving(
            String label,
            HeldWeights held,
            Set<String> own,
            Set<String> contents,
            long since,
            long bytes,
            boolean isNew) {
        boolean isNamedIn(Origin origin) {
            return (isNew() || isBlind())
                    && origin.named().stream()
                            .anyMatch(n -> own.contains(n) || contents.contains(n));
        }

        boolean isBlind() {
            return held.tensors().isEmpty() && held.small().isEmpty();
        }
    }

    private final Map<Long, Leaving> leaving = new TreeMap<>();

    public WeightsThatLeave(WeightStore store) {
        this(new HeldWeights.Reader(store));
    }

    WeightsThatLeave(HeldWeights.Reader reader) {
        this.reader = reader;
    }

    /** Where they are read. */
    public WeightStore store() {
        return reader.store();
    }

    /** None yet, but what was read of the store for these is known: to look once more. */
    public WeightsThatLeave again() {
        return new WeightsThatLeave(reader);
    }

    public void add(Queries q, IngredientRow i) {
        add(q, i.id(), i.checkpoint(), i.id(), "ingredient " + i.name());
    }

    /** A soup's weights are as old as the oldest of its ingredients. */
    public void add(Queries q, SoupRow s) {
        add(q, s.id(), s.checkpoint(), since(s), "soup " + s.label());
    }

    static long since(SoupRow s) {
        return s.members().stream().mapToLong(m -> m.ingredient()).min().orElse(s.id());
    }

    public void add(Queries q, BaseRow b) {
        add(q, b.id(), b.checkpoint(), b.id(), "base " + b.name());
    }

    /** Weights that are to be recorded, after all that is. */
    void add(Queries q, String checkpoint) {
        add(q, NEWEST, checkpoint, NEWEST, "them");
    }

    /**
     * What a base had before this came cannot have been made from it, and is nobody's: neither its
     * own base's nor another's.
     */
    private void add(Queries q, long entry, String checkpoint, long since, String label) {
        if (leaving.containsKey(entry)) {
            return;
        }
        HeldWeights held = reader.of(q, entry, checkpoint);
        Set<String> own = held.all();
        Set<String> small = new HashSet<>(held.small());
        Set<String> contents = new HashSet<>(reader.contents(q, entry, checkpoint));
        for (BaseRow b : reader.before(q, entry, checkpoint, since)) {
            HeldWeights before = reader.of(q, b.id(), b.checkpoint());
            own.removeAll(before.all());
            own.removeAll(reader.inherited(own, checkpoint, b.checkpoint()));
            small.removeAll(before.small());
            contents.removeAll(reader.contents(q, b.id(), b.checkpoint()));
            if (b.withdrawn().isEmpty() && before.tensors().isEmpty() && before.small().isEmpty()) {
                // Its manifest is damaged: which tensors are its own cannot be told. (Nothing
                // that is here was made from a base that left.)
                own.removeAll(held.tensors().keySet());
            }
        }
        long bytes = 0;
        boolean isNew = !small.isEmpty();
        for (Map.Entry<String, Long> t : held.tensors().entrySet()) {
            bytes += own.contains(t.getKey()) ? t.getValue() : 0;
        }
        leaving.put(
                entry, new Leaving(label, held, own, contents, since, bytes, isNew || bytes > 0));
    }

    /**
     * Why something is what leaves under another name: it is the same checkpoint, or has more than
     * half of the bytes that something that leaves has from no base. (Less can be a text encoder
     * that all ingredients were saved with in another format than the base's.) What has no weights
     * of its own takes nothing along.
     *
     * @return in words; empty if it is not
     */
    public Optional<String> copyOf(Queries q, long entry, String checkpoint) {
        HeldWeights other = reader.of(q, entry, checkpoint);
        for (Leaving l : leaving.values()) {
            boolean blind = l.isBlind() || (other.tensors().isEmpty() && other.small().isEmpty());
            if (!l.isNew() && !l.isBlind()) {
                continue;
            }
            if (l.own().contains(checkpoint)) {
                return Optional.of("has the same weights as " + l.label());
            }
            long same = 0;
            for (Map.Entry<String, Long> t : other.tensors().entrySet()) {
                same += l.own().contains(t.getKey()) ? t.getValue() : 0;
            }
            if (2 * same > l.bytes() && l.bytes() > 0) {
                return Optional.of(
                        "holds %d %% of the weights that are %s's own"
                                .formatted(100 * same / l.bytes(), l.label()));
            }
            if (entry > l.since() && other.others().values().stream().anyMatch(l.own()::contains)) {
                return Optional.of("has a weight file of " + l.label() + " among its other files");
            }
            if (blind && other.files().stream().anyMatch(l.own()::contains)) {
                return Optional.of("has a file of " + l.label());
            }
            if (l.isBlind() && isByContents(q, l, entry, checkpoint)) {
                return Optional.of("has the same weights as " + l.label());
            }
        }
        return Optional.empty();
    }

    /** Whether more than half of something's own tensors are in files that what leaves has, too. */
    private boolean isByContents(Queries q, Leaving l, long entry, String checkpoint) {
        if (Collections.disjoint(reader.contents(q, entry, checkpoint), l.contents())) {
            return false;
        }
        Set<String> bases = new HashSet<>();
        for (BaseRow b : q.bases()) {
            if (b.id() < l.since()) {
                bases.addAll(reader.of(q, b.id(), b.checkpoint()).all());
            }
        }
        return reader.share(checkpoint, l.contents(), bases) > 0.5;
    }

    /** What leaves and of which it is not known any more what tensors it held. */
    public List<String> unknown() {
        return leaving.values().stream().filter(Leaving::isBlind).map(Leaving::label).toList();
    }

    /** Why an ingredient was made of what leaves: its recipe, or a file's header, names that. */
    public Optional<String> namedBy(Queries q, IngredientRow i) {
        return namedIn(reader.origin(q, i));
    }

    /** The same of what says this of its making. */
    Optional<String> namedIn(Origin origin) {
        return leaving.values().stream()
                .filter(l -> l.isNamedIn(origin))
                .findFirst()
                .map(WeightsThatLeave::madeOf);
    }

    /** The same of a base, whichever of the two was recorded first. */
    public Optional<String> namedBy(BaseRow b) {
        return namedIn(reader.origin(b));
    }

    private static String madeOf(Leaving l) {
        return "made of " + l.label() + ", as its recipe says";
    }

    /**
     * Fields for the withdrawal's entry.
     *
     * @param staying ids of live bases and ingredients that stay, by their entries
     * @param names of those
     * @param replacements checkpoints that take the place of what was trained again
     */
    public void describe(
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
            kept.add(s.getValue());
            kept.addAll(Json.strings(q.entry(s.getKey()).body(), ContentHashes.FIELD));
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
        leaving.forEach((entry, l) -> {
            TreeSet<String> own = new TreeSet<>(l.own());
            own.addAll(l.contents());
            own.removeAll(kept);
            weights.add(Json.object().put("entry", entry).strings("sha256", own).build());
        });
        body.objects(WEIGHTS, weights).objects(SHARED, shared);
    }
}
