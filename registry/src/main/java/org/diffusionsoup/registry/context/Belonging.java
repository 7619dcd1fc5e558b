package org.diffusionsoup.registry.context;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.store.StoreHead;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Whether key, ledger and store are one registry's, and of one time. A ledger that was lost,
 * emptied, exchanged or brought back from an old backup knows less than the store holds, and the
 * rest would look like garbage.
 */
public final class Belonging {
    private final Context context;
    private final WeightStore store;

    public Belonging(Context context) {
        this.context = context;
        this.store = context.store();
    }

    /** What does not fit, in sentences. */
    public List<String> wrong() {
        List<String> wrong = new ArrayList<>();
        StoreOwner self = context.self();
        String key = context.publicKey().id();
        if (!self.key().equals(key)) {
            wrong.add(
                    context.place().publicKey()
                            + " is the key "
                            + key
                            + ", but this registry's is "
                            + self.key()
                            + ": put the registry's own key files back.");
        }
        // Later its entries say whose it is.
        context.read(q -> q.last().isPresent() ? Optional.<String>empty() : q.madeFor())
                .filter(k -> !k.equals(key))
                .ifPresent(k ->
                        wrong.add(
                                "The ledger is of the registry with the key "
                                        + k
                                        + ", and not of this one, with the key "
                                        + key
                                        + ": give each registry a database of its own."));
        Optional<StoreOwner> owner = store.owner();
        if (owner.isPresent() && !owner.get().equals(self)) {
            wrong.add(
                    "The store "
                            + store.folder()
                            + " belongs to "
                            + owner.get()
                            + ", and not to this "
                            + self
                            + ": put the registry's own store there.");
        } else {
            // Before the ledger is looked at: another process may add an entry in between, and the
            // ledger has to be at least as far as the store was.
            Optional<StoreHead> head = store.head();
            wrong.addAll(context.read(q -> owner.isPresent() ? head(head, q) : unmarked(q)));
        }
        return wrong;
    }

    /** What the store has seen of the ledger, the ledger must have. */
    private List<String> head(Optional<StoreHead> head, Queries q) {
        if (head.isEmpty()) {
            return List.of();
        }
        Optional<Entry> is = q.find(head.get().entry());
        if (is.isPresent() && is.get().hash().equals(head.get().hash())) {
            return List.of();
        }
        return List.of(
                ("The ledger %s, but its store was written to at entry %d (%s): the ledger was lost,"
                                + " or is an older copy or another one. Put the newest copy back. If it is"
                                + " lost for good, delete %s; certificates of what was lost will not fit.")
                        .formatted(
                                is.isPresent()
                                        ? "has another entry " + head.get().entry()
                                        : "ends at entry " + q.last().map(Entry::seq).orElse(0L),
                                head.get().entry(),
                                head.get().hash(),
                                store.headFile()));
    }

    /** A store of before stores were marked is this registry's if the ledger knows some of it. */
    private List<String> unmarked(Queries q) {
        Set<String> ids = new HashSet<>(store.ids());
        if (ids.isEmpty()) {
            return List.of();
        }
        boolean known =
                q.bases().stream().anyMatch(b -> ids.contains(b.checkpoint()))
                        || q.ingredients().stream().anyMatch(i -> ids.contains(i.checkpoint()))
                        || q.soups().stream().anyMatch(s -> ids.contains(s.checkpoint()));
        return known
                ? List.of()
                : List.of(
                        ("The store %s holds %s, and this ledger, of %s, names none"
                                        + " of them: the ledger was lost, or the store is another's. Put"
                                        + " back what belongs together.")
                                .formatted(
                                        store.folder(),
                                        Plural.of(ids.size(), "checkpoint"),
                                        Plural.of(
                                                q.last().map(Entry::seq).orElse(0L),
                                                "entry",
                                                "entries")));
    }

    /**
     * Refuses what does not fit, and marks a store that no registry has marked yet.
     *
     * @throws RegistryException if something does not fit
     */
    public void enforce() {
        List<String> wrong = wrong();
        if (!wrong.isEmpty()) {
            throw new RegistryException(wrong.getFirst() + " Nothing was changed.");
        }
        if (store.owner().isEmpty()) {
            context.read(Queries::last).ifPresent(Belonging.this::note);
            store.claim(context.self());
        }
    }

    /** Notes in the store how far the ledger is. */
    public void note(Entry newest) {
        store.noteHead(new StoreHead(newest.seq(), newest.hash()));
    }
}
