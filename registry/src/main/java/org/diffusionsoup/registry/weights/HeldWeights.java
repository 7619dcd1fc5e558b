package org.diffusionsoup.registry.weights;

import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * A checkpoint by its hashes.
 *
 * @param checkpoint its id
 * @param files SHA-256 of its weight files
 * @param tensors SHA-256 of its floating-point tensors with their sizes in bytes; empty where the
 *     store cannot say, because its manifest is gone or damaged
 * @param small SHA-256 of floating-point tensors so small that others may be equal by chance
 * @param others SHA-256 of its files without weights, by their paths; by these it is not known
 *     again, for others may have the same
 */
record HeldWeights(
        String checkpoint,
        Set<String> files,
        Map<String, Long> tensors,
        Set<String> small,
        Map<String, String> others) {
    /** Of nothing. */
    static final HeldWeights NONE = new HeldWeights("", Set.of(), Map.of(), Set.of(), Map.of());

    /** All hashes by which it is known again: its own, its files' and its tensors'. */
    Set<String> all() {
        Set<String> all = new HashSet<>(files);
        all.addAll(tensors.keySet());
        all.add(checkpoint);
        return all;
    }

    /** All hashes of one checkpoint but those that another has too. */
    Set<String> without(HeldWeights other) {
        Set<String> own = all();
        own.removeAll(other.all());
        return own;
    }

    /** Reads what checkpoints hold, each once. */
    static final class Reader {
        private final WeightStore store;
        private final Map<String, HeldWeights> read = new HashMap<>();
        private final Map<String, Set<String>> contents = new HashMap<>();
        private final Map<String, Origin> origins = new HashMap<>();

        /** By base, whether hashes are of its tensors in another format. */
        private final Map<String, Map<String, Boolean>> inherited = new HashMap<>();

        Reader(WeightStore store) {
            this.store = store;
        }

        WeightStore store() {
            return store;
        }

        /** Of a base, an ingredient or a soup; its files are in the ledger, whatever is stored. */
        HeldWeights of(Queries q, long entry, String checkpoint) {
            HeldWeights known = read.get(checkpoint);
            if (known == null) {
                known = stored(checkpoint, Json.map(q.entry(entry).body(), "files"));
                read.put(checkpoint, known);
            }
            return known;
        }

        /**
         * That what was withdrawn held tensors or files of these hashes, one as much as another:
         * the ledger states no sizes.
         */
        void remember(String checkpoint, Set<String> hashes) {
            if (!hashes.isEmpty() && stored(checkpoint, Map.of()).tensors().isEmpty()) {
                Map<String, Long> tensors = new HashMap<>();
                hashes.forEach(h -> tensors.put(h, 1L));
                read.put(
                        checkpoint,
                        new HeldWeights(checkpoint, Set.of(), tensors, Set.of(), Map.of()));
            }
        }

        /** That a checkpoint without an entry is named by these contents. */
        void expect(String checkpoint, Set<String> known) {
            contents.put(checkpoint, Set.copyOf(known));
            of(checkpoint);
        }

        /** Of a checkpoint that was just stored. */
        HeldWeights of(String checkpoint) {
            return read.computeIfAbsent(checkpoint, id -> stored(id, new TreeMap<>()));
        }

        /**
         * The hashes by which recipes name it otherwise than by its files: as its entry has them,
         * or, where an earlier version recorded it, as they are read from the store.
         */
        Set<String> contents(Queries q, long entry, String checkpoint) {
            Set<String> known = contents.get(checkpoint);
            if (known == null) {
                JsonObject body = q.entry(entry).body();
                known =
                        body.get(ContentHashes.FIELD).isPresent()
                                ? Set.copyOf(Json.strings(body, ContentHashes.FIELD))
                                : ContentHashes.ifReadable(store, checkpoint, like(q, entry));
                contents.put(checkpoint, known);
            }
            return known;
        }

        /**
         * Those of some hashes that are of a base's tensors in another number format; of weights in
         * the base's own formats there are none.
         */
        Set<String> inherited(Set<String> hashes, String checkpoint, String base) {
            try {
                Set<String> formats = store.known(checkpoint).formats();
                return store.known(base).formats().containsAll(formats)
                        ? Set.of()
                        : new InheritedTensors(store).among(hashes, checkpoint, base);
            } catch (SoupException e) {
                return Set.of();
            }
        }

        /** The same, but for what was asked of the base before, of whichever checkpoint. */
        Set<String> inheritedOnce(Set<String> hashes, String checkpoint, String base) {
            Map<String, Boolean> known = inherited.computeIfAbsent(base, k -> new HashMap<>());
            Set<String> open = new HashSet<>(hashes);
            open.removeAll(known.keySet());
            if (!open.isEmpty()) {
                Set<String> are = inherited(open, checkpoint, base);
                open.forEach(h -> known.put(h, are.contains(h)));
            }
            Set<String> all = new HashSet<>(hashes);
            all.removeIf(h -> !known.getOrDefault(h, false));
            return all;
        }

        /**
         * Bases that were there before something, and whose weights are therefore not of it. A base
         * that was recorded first and whose recipe names the other was made of it all the same: a
         * hash cannot be named before there is what it is of. Only one that no such base has shows
         * that, since whole files may be common to both.
         *
         * @param since as old as this entry
         */
        List<BaseRow> before(Queries q, long entry, String checkpoint, long since) {
            List<BaseRow> bases = q.bases().stream().filter(b -> b.id() < since).toList();
            Set<String> own = of(q, entry, checkpoint).all();
            own.addAll(contents(q, entry, checkpoint));
            for (BaseRow b : bases) {
                own.removeAll(of(q, b.id(), b.checkpoint()).all());
                own.removeAll(contents(q, b.id(), b.checkpoint()));
            }
            return bases.stream()
                    .filter(b -> Collections.disjoint(origin(b).named(), own))
                    .toList();
        }

        /**
         * How much of a checkpoint's own tensors lies in files that some content hashes are of.
         *
         * @param notOwn SHA-256 of tensors that are others'
         * @return from 0 to 1; 1 where the store cannot say
         */
        double share(String checkpoint, Set<String> contents, Set<String> notOwn) {
            try {
                long all = 0;
                long in = 0;
                for (StoredFile f : ContentHashes.weights(store.manifest(checkpoint))) {
                    long bytes =
                            f.pieces().stream()
                                    .skip(1)
                                    .filter(p -> !notOwn.contains(p.sha256()))
                                    .mapToLong(Piece::size)
                                    .sum();
                    boolean same =
                            bytes > 0
                                    && ContentHashes.ofFile(store, f).stream()
                                            .anyMatch(contents::contains);
                    all += bytes;
                    in += same ? bytes : 0;
                }
                return all == 0 ? 0 : (double) in / all;
            } catch (SoupException e) {
                return 1;
            }
        }

        /** A checkpoint whose frozen parts it has: an ingredient's base, a soup's ingredient. */
        private static Optional<String> like(Queries q, long entry) {
            return q.ingredient(entry)
                    .flatMap(i ->
                            q.bases().stream()
                                    .filter(b -> b.id() == i.base())
                                    .map(BaseRow::checkpoint)
                                    .findFirst())
                    .or(() ->
                            q.soup(entry)
                                    .flatMap(s -> s.members().stream().findFirst())
                                    .flatMap(m -> q.ingredient(m.ingredient()))
                                    .map(IngredientRow::checkpoint));
        }

        /** What an ingredient says of its making: in the ledger, and in its files' headers. */
        Origin origin(Queries q, IngredientRow i) {
            BaseRow base =
                    q.bases().stream().filter(b -> b.id() == i.base()).findFirst().orElseThrow();
            return ofIngredient(q.recipe(i.id()), i.checkpoint(), base);
        }

        /** The same of one that is to be recorded. */
        Origin ofIngredient(JsonObject recipe, String checkpoint, BaseRow base) {
            Origin own = Origin.of(recipe, store, checkpoint, Optional.of(base.checkpoint()));
            return own.without(origin(base)).withDataOf(Origin.of(recipe));
        }

        /** What a base says of its making. */
        Origin origin(BaseRow base) {
            return origins.computeIfAbsent(
                    base.checkpoint(),
                    id -> Origin.of(Json.object().build(), store, id, Optional.empty()));
        }

        /** What a base's recipe names and the base does not have itself, as a copied part. */
        Set<String> namedElsewhere(Queries q, BaseRow base) {
            Set<String> named = new HashSet<>(origin(base).named());
            named.removeAll(of(q, base.id(), base.checkpoint()).all());
            if (!named.isEmpty()) {
                named.removeAll(contents(q, base.id(), base.checkpoint()));
            }
            return named;
        }

        private HeldWeights stored(String checkpoint, Map<String, String> files) {
            try {
                Manifest m = store.known(checkpoint);
                return new HeldWeights(
                        checkpoint,
                        Set.copyOf(m.weightFiles().values()),
                        m.tensors(),
                        m.smallTensors(),
                        m.otherFiles());
            } catch (SoupException e) {
                return new HeldWeights(
                        checkpoint, Set.copyOf(files.values()), Map.of(), Set.of(), Map.of());
            }
        }
    }
}
