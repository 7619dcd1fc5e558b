package org.diffusionsoup.registry.weights;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Tells tensors that say nothing of any picture, though their hashes are not the base's: those that
 * are its own in another number format, as a text encoder that was not trained and saved in F16,
 * and small ones that training has moved by a rounding step or two, where two trainings on
 * different pictures may well end in the same bytes; and those all of whose values are the same.
 */
final class InheritedTensors {
    private final WeightStore store;

    InheritedTensors(WeightStore store) {
        this.store = store;
    }

    /**
     * By what recipes name those files all of whose tensors the base has, but for their format.
     * Reads both checkpoints; empty where one cannot be read.
     */
    Set<String> contents(String checkpoint, String base) {
        Map<StoredFile, Boolean> whole = new HashMap<>();
        try (WeightStore.Session session = store.open()) {
            TensorsOf mine = TensorsOf.of(store, checkpoint, "", session.work().resolve("whole"));
            TensorsOf of = TensorsOf.of(store, base, "", session.work().resolve("whole-from"));
            mine.tensors()
                    .forEach((name, t) ->
                            whole.merge(
                                    t.file(),
                                    !t.info().dtype().isFloat()
                                            || t.hasValuesOf(of.tensors().get(name), store),
                                    Boolean::logicalAnd));
            Set<String> contents = new HashSet<>();
            whole.forEach((file, all) -> {
                if (all) {
                    contents.addAll(ContentHashes.ofFile(store, file));
                }
            });
            return contents;
        } catch (SoupException e) {
            return Set.of(); // what cannot be looked at is not excused
        }
    }

    /**
     * Those of some hashes that are of tensors, or of whole files of tensors, which the base has
     * too but for their format, and of small tensors next to the base's. Reads both checkpoints;
     * empty where one cannot be read.
     */
    Set<String> among(Set<String> hashes, String checkpoint, String base) {
        try (WeightStore.Session session = store.open()) {
            TensorsOf mine =
                    TensorsOf.of(store, checkpoint, "", session.work().resolve("inherited"));
            TensorsOf of = TensorsOf.of(store, base, "", session.work().resolve("inherited-from"));
            Set<String> same = new HashSet<>();
            Map<String, Boolean> whole = new HashMap<>();
            mine.tensors()
                    .forEach((name, t) -> {
                        boolean asked =
                                hashes.contains(t.piece().sha256())
                                        || hashes.contains(t.file().sha256());
                        boolean inherited = asked && t.hasValuesOf(of.tensors().get(name), store);
                        if (inherited
                                || (asked && t.isSmallStepFrom(of.tensors().get(name), store))) {
                            same.add(t.piece().sha256());
                        }
                        whole.merge(
                                t.file().sha256(),
                                inherited || !t.info().dtype().isFloat(),
                                Boolean::logicalAnd);
                    });
            whole.forEach((file, all) -> {
                if (all) {
                    same.add(file);
                }
            });
            same.retainAll(hashes);
            return same;
        } catch (SoupException e) {
            return Set.of(); // what cannot be looked at is not excused
        }
    }

    /**
     * Those of some withdrawn hashes that are of tensors of a checkpoint all of whose values are
     * the same. Reads the checkpoint; empty where it cannot be read.
     */
    Set<WithdrawnWeight> constants(List<WithdrawnWeight> hits, String checkpoint) {
        if (hits.isEmpty()) {
            return Set.of();
        }
        Set<String> asked = hits.stream().map(WithdrawnWeight::sha256).collect(Collectors.toSet());
        try (WeightStore.Session session = store.open()) {
            Set<String> constants =
                    TensorsOf.of(store, checkpoint, "", session.work().resolve("constants"))
                            .tensors()
                            .values()
                            .stream()
                            .filter(t -> asked.contains(t.piece().sha256()) && t.isConstant(store))
                            .map(t -> t.piece().sha256())
                            .collect(Collectors.toSet());
            return hits.stream()
                    .filter(h -> constants.contains(h.sha256()))
                    .collect(Collectors.toSet());
        } catch (SoupException e) {
            return Set.of(); // what cannot be looked at is not excused
        }
    }
}
