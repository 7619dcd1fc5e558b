package org.diffusionsoup.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;

/** What leaves the store: files for whoever asks, and what nothing needs any more. */
final class HandedOutWeights {
    private final Registry registry;

    HandedOutWeights(Registry registry) {
        this.registry = registry;
    }

    Path export(String checkpoint, Path target) {
        ModelOutput.MODEL.checkNew(target);
        try (WeightStore.Reading reading = registry.store().openToRead()) {
            List<String> wrong = unsound();
            if (!wrong.isEmpty()) {
                throw new RegistryException(
                        "Nothing was written, because the ledger may not say what was withdrawn: "
                                + wrong.getFirst()
                                + "; see 'soup fsck'.");
            }
            if (registry.store().has(checkpoint)) {
                registry.read(q -> WhyGone.withdrawn(q, checkpoint))
                        .ifPresent(what -> {
                            throw new RegistryException(
                                    what
                                            + ": its weights are not handed out, though they are in"
                                            + " the store; 'soup gc' deletes them.");
                        });
            }
            if (!registry.store().has(checkpoint)) {
                registry.read(q -> WhyGone.of(q, checkpoint))
                        .ifPresent(why -> {
                            throw new RegistryException(why);
                        });
            }
            if (registry.store().manifest(checkpoint).folder()) {
                AtomicFiles.writeFolder(target, to -> registry.store().rebuild(checkpoint, to));
            } else {
                AtomicFiles.write(target, out -> registry.store().rebuild(checkpoint, out));
            }
        }
        return target;
    }

    /** What is wrong with the ledger by itself, and beside what was noted of it. */
    private List<String> unsound() {
        List<String> wrong = new ArrayList<>(registry.ledger().check(registry.publicKey()).wrong());
        if (wrong.isEmpty()) {
            wrong.addAll(
                    registry.read(q ->
                            Heads.wrong(
                                    q,
                                    registry.publicKey(),
                                    Heads.known(registry.place().certificates()))));
        }
        return wrong;
    }

    /** Ids of the checkpoints that must be in the store, with a name for each. */
    static Map<String, String> wanted(Queries q, boolean superseded) {
        Map<String, String> wanted = new java.util.TreeMap<>();
        q.bases().stream()
                .filter(b -> b.withdrawn().isEmpty())
                .forEach(b -> wanted.putIfAbsent(b.checkpoint(), "base " + b.name()));
        // Of what was retired, what soups that are not withdrawn are made of.
        Set<Long> members = new HashSet<>();
        q.soups().stream()
                .filter(s -> s.withdrawn().isEmpty())
                .forEach(s -> s.members().forEach(m -> members.add(m.ingredient())));
        q.ingredients().stream()
                .filter(i -> i.withdrawn().isEmpty())
                .filter(i -> i.isLive() || members.contains(i.id()))
                .forEach(i -> wanted.putIfAbsent(i.checkpoint(), "ingredient " + i.name()));
        q.soups().stream()
                .filter(s -> s.withdrawn().isEmpty())
                .filter(s -> superseded || s.superseded().isEmpty())
                .forEach(s -> wanted.putIfAbsent(s.checkpoint(), "soup " + s.label()));
        return wanted;
    }

    long collect(boolean superseded, long graceMillis) {
        List<String> wrong = unsound();
        if (!wrong.isEmpty()) {
            throw new RegistryException(
                    "Nothing was deleted, because the ledger may not know what is needed: "
                            + wrong.getFirst()
                            + "; see 'soup fsck'.");
        }
        return collectNow(superseded, graceMillis);
    }

    /** The same by a ledger that was just written to, without checking all of it again. */
    long collectNow(boolean superseded, long graceMillis) {
        new Belonging(registry).enforce();
        // First: what explains that weights are gone is there before they go.
        new StoredCertificates(registry).saveMissing();
        return registry.store()
                .collect(
                        () ->
                                registry.read(q -> {
                                    Set<String> sums = new HashSet<>();
                                    q.soups().stream()
                                            .filter(SoupRow::isCurrent)
                                            .forEach(s -> sums.add(s.checkpoint()));
                                    return new WeightStore.Wanted(
                                            wanted(q, !superseded).keySet(), sums, this::withdrawn);
                                }),
                        graceMillis);
    }

    /** Those of some SHA-256 that are of weights which were withdrawn. */
    private Set<String> withdrawn(Set<String> hashes) {
        Set<String> gone = new HashSet<>();
        registry.read(q -> q.withdrawnWeights(hashes)).forEach(w -> gone.add(w.sha256()));
        return gone;
    }
}
