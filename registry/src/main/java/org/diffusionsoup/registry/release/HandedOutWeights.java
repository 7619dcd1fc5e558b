package org.diffusionsoup.registry.release;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.registry.certificate.Heads;
import org.diffusionsoup.registry.certificate.StoredCertificates;
import org.diffusionsoup.registry.context.Belonging;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.Wanted;
import org.diffusionsoup.registry.store.WeightStore;

/** What leaves the store: files for whoever asks, and what nothing needs any more. */
public final class HandedOutWeights {
    private final Context context;

    public HandedOutWeights(Context context) {
        this.context = context;
    }

    /**
     * Writes a checkpoint's files, byte for byte as stored.
     *
     * @throws RegistryException if something is wrong with the ledger, or the weights were
     *     withdrawn
     */
    public Path export(String checkpoint, Path target) {
        ModelOutput.MODEL.checkNew(target);
        try (WeightStore.Reading reading = context.store().openToRead()) {
            List<String> wrong = unsound();
            if (!wrong.isEmpty()) {
                throw new RegistryException(
                        "Nothing was written, because the ledger may not say what was withdrawn: "
                                + wrong.getFirst()
                                + "; see 'soup fsck'.");
            }
            if (context.store().has(checkpoint)) {
                context.read(q -> WhyGone.withdrawn(q, checkpoint))
                        .ifPresent(what -> {
                            throw new RegistryException(
                                    what
                                            + ": its weights are not handed out, though they are in"
                                            + " the store; 'soup gc' deletes them.");
                        });
            }
            if (!context.store().has(checkpoint)) {
                context.read(q -> WhyGone.of(q, checkpoint))
                        .ifPresent(why -> {
                            throw new RegistryException(why);
                        });
            }
            if (context.store().manifest(checkpoint).folder()) {
                AtomicFiles.writeFolder(target, to -> context.store().rebuild(checkpoint, to));
            } else {
                AtomicFiles.write(target, out -> context.store().rebuild(checkpoint, out));
            }
        }
        return target;
    }

    /** What is wrong with the ledger by itself, and beside what was noted of it. */
    private List<String> unsound() {
        List<String> wrong = new ArrayList<>(context.ledger().check(context.publicKey()).wrong());
        if (wrong.isEmpty()) {
            wrong.addAll(Heads.wrong(context, List.of()));
        }
        return wrong;
    }

    /**
     * Deletes weights that nothing live needs; returns the bytes freed.
     *
     * @throws RegistryException if something is wrong with the ledger
     */
    public long collect(boolean superseded, long graceMillis) {
        List<String> wrong = unsound();
        if (!wrong.isEmpty()) {
            throw new RegistryException(
                    "Nothing was deleted, because the ledger may not know what is needed: "
                            + wrong.getFirst()
                            + "; see 'soup fsck'.");
        }
        return collect(graceMillis, q -> NeededWeights.wanted(q, !superseded).keySet());
    }

    /**
     * The same after a withdrawal, by the ledger that was just written to: what was retired stays,
     * as nobody asked for it to leave; {@link #collect(boolean, long)} takes it.
     */
    public long collectWithdrawn() {
        return collect(
                0,
                q -> {
                    Set<String> wanted = new HashSet<>(NeededWeights.wanted(q, true).keySet());
                    NeededWeights.retired(q).forEach(i -> wanted.add(i.checkpoint()));
                    return wanted;
                });
    }

    private long collect(long graceMillis, Function<Queries, Set<String>> wanted) {
        new Belonging(context).enforce();
        // First: what explains that weights are gone is there before they go.
        new StoredCertificates(context).saveMissing();
        return context.store()
                .collect(
                        () ->
                                context.read(q -> {
                                    Set<String> sums = new HashSet<>();
                                    q.soups().stream()
                                            .filter(SoupRow::isCurrent)
                                            .forEach(s -> sums.add(s.checkpoint()));
                                    return new Wanted(
                                            wanted.apply(q),
                                            sums,
                                            NeededWeights.recorded(q),
                                            this::withdrawn);
                                }),
                        graceMillis);
    }

    /** Those of some SHA-256 that are of weights which were withdrawn. */
    private Set<String> withdrawn(Set<String> hashes) {
        Set<String> gone = new HashSet<>();
        context.read(q -> q.withdrawnWeights(hashes)).forEach(w -> gone.add(w.sha256()));
        return gone;
    }
}
