package org.diffusionsoup.registry;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.AddedShard;
import org.diffusionsoup.registry.arrival.Amendments;
import org.diffusionsoup.registry.arrival.Arrivals;
import org.diffusionsoup.registry.arrival.KnownBases;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.arrival.Retired;
import org.diffusionsoup.registry.arrival.ShardArrivals;
import org.diffusionsoup.registry.certificate.Certificates;
import org.diffusionsoup.registry.certificate.Heads;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.check.Fsck;
import org.diffusionsoup.registry.check.Repair;
import org.diffusionsoup.registry.check.Repairs;
import org.diffusionsoup.registry.context.Calendar;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Place;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.release.HandedOutWeights;
import org.diffusionsoup.registry.release.Publications;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.soup.Soups;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawals;
import org.diffusionsoup.registry.withdraw.Withdrawn;

/**
 * Who is in what: shards, the ingredients trained on them, and the soups made of those, in a signed
 * ledger with the weights beside it (paper, Sections 5.3 and 6.2).
 *
 * <p>Safe for use by several threads and processes at once, and for being killed at any point:
 * weights are stored before the ledger names them, and what one operation appends appears together.
 */
public final class Registry {
    private final Context context;

    Registry(Context context) {
        this.context = context;
    }

    /**
     * Makes an empty registry with a new key.
     *
     * @param folder must not hold a registry
     * @param url of a PostgreSQL database for the ledger; empty: SQLite in the folder
     */
    public static Registry init(Path folder, Optional<String> url) {
        return new Registry(Opening.init(folder, url));
    }

    /**
     * Writes a registry's configuration again if that is all that is missing, by what its store,
     * its key and its ledger say.
     *
     * @return what was done, in words; empty if nothing is missing
     * @throws RegistryException if they do not fit together
     */
    public static Optional<String> restore(Path folder) {
        return new Place(folder).restore();
    }

    /**
     * Opens a registry.
     *
     * @throws RegistryException if the folder holds none, or its ledger cannot be reached
     */
    public static Registry open(Path folder) {
        return open(folder, Clock.systemUTC());
    }

    /** The same with another clock. */
    public static Registry open(Path folder, Clock clock) {
        return new Registry(Opening.open(folder, clock, Calendar.confirmed()));
    }

    /** That {@code SOUP_TODAY} is set and does nothing, in a sentence: it moves no clock. */
    public static Optional<String> unusedDate() {
        return Calendar.unused();
    }

    /**
     * Opens a registry to look at it: without its secret key, also where nothing can be written,
     * and also if something is wrong with it.
     *
     * @throws RegistryException if the folder holds none, or its ledger cannot be reached
     */
    public static Registry openToRead(Path folder) {
        return new Registry(Opening.openToRead(folder));
    }

    /** The same registry, making soups with these threads and telling this listener. */
    public Registry with(SoupOptions o) {
        return new Registry(context.with(o));
    }

    /** Its id and its key's. */
    public StoreOwner self() {
        return context.self();
    }

    /**
     * The newest entry's number and hash, signed: whoever has them can tell whether the ledger was
     * cut off or rewritten since.
     *
     * @throws RegistryException if there is no entry yet
     */
    public JsonObject head() {
        return read(q -> Heads.newest(q, self()));
    }

    /** What its parts share; for tests. */
    Context context() {
        return context;
    }

    /** The registry's folder. */
    public Path folder() {
        return context.place().folder();
    }

    /** Where its weights are. */
    public WeightStore store() {
        return context.store();
    }

    /** The key that entries and certificates are checked with. */
    public PublicKeyFile publicKey() {
        return context.publicKey();
    }

    /** Reads one state of the ledger. */
    public <T> T read(Function<Queries, T> work) {
        return context.read(work);
    }

    /**
     * Records a base and stores its weights.
     *
     * @throws RegistryException if the name is taken by other weights
     */
    public BaseRow addBase(String name, Path checkpoint) {
        return new Arrivals(context).addBase(name, checkpoint);
    }

    /** Records a shard, of a name that was never used; see {@link ShardArrivals#add}. */
    public AddedShard addShard(NewShard n) {
        return new ShardArrivals(context).add(n);
    }

    /** Refuses what {@link #addShard} would, before long work: samples need no fingerprints. */
    public void checkShard(NewShard n) {
        new ShardArrivals(context).check(n);
    }

    /** Records those that are not recorded yet, all or none; see {@link ShardArrivals#addAll}. */
    public List<AddedShard> addShards(List<NewShard> shards) {
        return new ShardArrivals(context).addAll(shards);
    }

    /**
     * Records an ingredient and stores its weights.
     *
     * @throws RegistryException if base or shards are unknown or withdrawn, the name is in use, the
     *     weights are those of something that was withdrawn, or they are no model of the base that
     *     can be averaged with what was recorded of it: with other tensors, shapes or numbers, with
     *     values that are not finite, or with no tensor that is not a base's own
     */
    public IngredientRow addIngredient(NewIngredient n) {
        return new Arrivals(context).addIngredient(n);
    }

    /**
     * Takes an ingredient that was recorded wrongly out of everything that is made from now on. Its
     * shard stays, and so do its entry, its weights while a soup has them, and its claim: it leaves
     * with its shard, and so does what holds its weights.
     *
     * @param name of a live ingredient
     * @param reason in words
     * @return what was recorded
     * @throws RegistryException if there is no such ingredient
     */
    public Retired retire(String name, String reason) {
        return new Amendments(context).retire(name, reason);
    }

    /**
     * Records how an ingredient was trained where its entry says it wrongly, from now on; see
     * {@link Amendments#correctRecipe}.
     */
    public long correctRecipe(String name, JsonObject recipe, String reason) {
        return new Amendments(context).correctRecipe(name, recipe, reason);
    }

    /** A shard that is neither unknown, withdrawn nor expired. */
    public ShardRow usableShard(Queries q, String name) {
        return context.shards().named(q, name);
    }

    /** A base that is neither unknown nor withdrawn, and that no shard which expired is in. */
    public BaseRow usableBase(Queries q, String name) {
        return context.shards().base(q, name);
    }

    /** Something measured of a soup's current version, such as a memorization audit. */
    public long evaluate(String soup, String what, boolean passed, JsonObject result) {
        return new Publications(context).evaluate(soup, what, passed, result);
    }

    /** Records that a soup's current version is handed out; nothing is required of it. */
    public long publish(String soup, String where) {
        return publish(soup, where, List.of(), Optional.empty());
    }

    /**
     * Records that a soup's current version is handed out.
     *
     * @param required what must have been measured of this very version and passed
     * @param overruling who lets it go although something measured was not good enough, and why;
     *     recorded where it was needed
     * @throws RegistryException if something was not measured, or was found wanting and is not
     *     overruled
     */
    public long publish(
            String soup,
            String where,
            List<Requirement> required,
            Optional<Overruling> overruling) {
        return new Publications(context).publish(soup, where, required, overruling);
    }

    /**
     * Writes a soup's, an ingredient's or a base's files, byte for byte as stored, by a ledger that
     * is sound: a wrong one may not say what was withdrawn.
     *
     * @param target a new folder, or a new file where the checkpoint is one
     * @throws RegistryException if the ledger is wrong, or the weights were withdrawn
     */
    public Path export(String checkpoint, Path target) {
        return new HandedOutWeights(context).export(checkpoint, target);
    }

    /**
     * Deletes weights that nothing live needs, by a ledger that is sound: what a wrong one does not
     * name would be lost.
     *
     * @param superseded whether older versions of soups go too; they can be made again
     * @param graceMillis younger files stay
     * @return bytes freed
     * @throws RegistryException if something is wrong with the ledger
     */
    public long collect(boolean superseded, long graceMillis) {
        return new HandedOutWeights(context).collect(superseded, graceMillis);
    }

    /**
     * Makes a soup, or its next version.
     *
     * @throws RegistryException if an ingredient is unknown, withdrawn or of another base
     */
    public SoupRow make(SoupPlan plan) {
        return new Soups(context).make(plan);
    }

    /** Refuses what {@link #make} would, before a search: a plan of all that it chooses from. */
    public void checkMake(SoupPlan plan) {
        new Soups(context).check(plan);
    }

    /**
     * Brings a soup that follows its shards up to date: new ingredients of its base come in.
     *
     * @return the current version; the same as before if nothing was new
     */
    public SoupRow update(String name) {
        return new Soups(context).update(name);
    }

    /**
     * Takes shards or samples out, with everything made of them; see {@link WithdrawRequest}.
     *
     * @throws RegistryException if something named is unknown or out, or a search cannot be rerun
     */
    public Withdrawn withdraw(WithdrawRequest request) {
        return new Withdrawals(context).withdraw(request);
    }

    /**
     * The name of the base that a checkpoint is, by the hashes of its weight files.
     *
     * @throws RegistryException if it is none of the recorded ones
     */
    public String baseOf(Path checkpoint) {
        return new KnownBases(context).name(checkpoint);
    }

    /** Names of live shards whose last day is over, by a clock that is believed. */
    public List<String> expired() {
        context.ledger().checkClock();
        return read(context.shards()::expired);
    }

    /** A signed certificate of the withdrawal of that entry, see {@link Certificates}. */
    public JsonObject certificate(long withdrawal) {
        return new Certificates(context).issue(withdrawal);
    }

    /** Checks everything; see {@link Fsck}. */
    public List<Finding> check() {
        return check(List.of());
    }

    /**
     * Checks everything, and that the ledger still has what these certificates, or notes of its
     * head, say it had.
     */
    public List<Finding> check(List<Path> certificates) {
        return new Fsck(context).check(certificates);
    }

    /** Re-makes what can be, then checks again. */
    public Repair repair() {
        return repair(List.of(), List.of());
    }

    /** The same; see {@link Repairs#repair}. */
    public Repair repair(List<Path> certificates, List<Path> originals) {
        return new Repairs(context).repair(certificates, originals);
    }
}
