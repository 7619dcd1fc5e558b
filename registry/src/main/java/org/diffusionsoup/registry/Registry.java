package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Who is in what: shards, the ingredients trained on them, and the soups made of those, in a signed
 * ledger with the weights beside it (paper, Sections 5.3 and 6.2).
 *
 * <p>Safe for use by several threads and processes at once, and for being killed at any point:
 * weights are stored before the ledger names them, and what one operation appends appears together.
 */
public final class Registry {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Place place;
    private final Optional<SigningKey> key;
    private final PublicKeyFile shown;
    private final Ledger ledger;
    private final WeightStore store;
    private final Clock clock;
    private final SoupOptions options;

    private Registry(
            Place place,
            Optional<SigningKey> key,
            PublicKeyFile shown,
            Ledger ledger,
            Clock clock,
            SoupOptions options) {
        this.place = place;
        this.key = key;
        this.shown = shown;
        this.ledger = ledger;
        this.store = new WeightStore(place.store());
        this.clock = clock;
        this.options = options;
    }

    /**
     * Makes an empty registry with a new key.
     *
     * @param folder must not hold a registry
     * @param url of a PostgreSQL database for the ledger; empty: SQLite in the folder
     */
    public static Registry init(Path folder, Optional<String> url) {
        Place place = new Place(folder);
        if (place.isWithoutConfig()) {
            place.url(); // says what is missing, and what brings it back
        }
        if (Files.exists(place.config()) || Files.exists(place.secretKey())) {
            throw new RegistryException(
                    folder + " holds a registry already; name another folder with `registry`.");
        }
        WeightStore store = new WeightStore(place.store());
        if (Files.exists(place.ledger()) || store.owner().isPresent() || !store.ids().isEmpty()) {
            throw new RegistryException(
                    folder
                            + " holds the ledger or the store of a registry whose registry.json is gone:"
                            + " put that back, or name another folder with `registry`.");
        }
        try {
            Files.createDirectories(folder);
        } catch (java.io.IOException e) {
            throw new SoupIoException("make", folder, e);
        }
        SigningKey key = SigningKey.generate();
        key.save(place.secretKey(), place.publicKey());
        boolean done = false;
        try {
            byte[] id = new byte[16];
            RANDOM.nextBytes(id);
            place.write(
                    url.orElse(Place.SQLITE),
                    new StoreOwner(HexFormat.of().formatHex(id), key.shown().id()));
            Ledger.create(place.url());
            boolean empty =
                    Ledger.openToRead(place.url(), Clock.systemUTC()).read(q -> q.last().isEmpty());
            if (!empty) {
                throw new RegistryException(
                        "The database "
                                + url.orElse("")
                                + " holds the ledger of another registry; give each its own.");
            }
            Registry r = open(folder);
            done = true;
            return r;
        } finally {
            if (!done) {
                delete(place.config());
                delete(place.secretKey());
                delete(place.publicKey());
                delete(place.ledger()); // there was none
            }
        }
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

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (java.io.IOException e) {
            throw new SoupIoException("delete", file, e);
        }
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
        return open(folder, clock, confirmed());
    }

    private static Optional<LocalDate> confirmed() {
        return Optional.ofNullable(System.getenv("SOUP_TODAY")).map(Registry::date);
    }

    /**
     * That {@code SOUP_TODAY} is set and does nothing, in a sentence: it confirms this machine's
     * date, and moves no clock.
     */
    public static Optional<String> unusedDate() {
        return unusedDate(confirmed(), LocalDate.now(Clock.systemUTC()));
    }

    static Optional<String> unusedDate(Optional<LocalDate> said, LocalDate today) {
        return said.filter(d -> !d.equals(today))
                .map(d ->
                        "SOUP_TODAY="
                                + d
                                + " is not this machine's date, "
                                + today
                                + " (UTC), and is ignored: it confirms the date where clock and"
                                + " ledger disagree, and moves neither.");
    }

    private static LocalDate date(String text) {
        try {
            return LocalDate.parse(text.strip());
        } catch (DateTimeParseException e) {
            throw new RegistryException(
                    "SOUP_TODAY should be a date such as 2027-01-31, not '"
                            + Visible.shortened(text)
                            + "'.",
                    e);
        }
    }

    /**
     * The same where somebody says which day it is.
     *
     * @param today believed of a clock that is far from the newest entry's date; otherwise unused
     */
    static Registry open(Path folder, Clock clock, Optional<LocalDate> today) {
        Place place = new Place(folder);
        String url = place.url();
        SigningKey key = SigningKey.load(place.secretKey(), place.publicKey());
        Ledger ledger = Ledger.open(url, key, clock, today);
        Registry r =
                new Registry(
                        place, Optional.of(key), key.shown(), ledger, clock, SoupOptions.DEFAULT);
        Belonging belonging = new Belonging(r);
        belonging.enforce();
        ledger.onHead(head -> {
            try {
                belonging.note(head);
            } catch (SoupException e) {
                // What was recorded is recorded. A note that lags is caught up by the next one.
            }
            if (head.kind() == Kind.PUBLICATION) {
                r.note(head); // whoever is handed a soup can be handed this too
            }
        });
        return r;
    }

    /**
     * Opens a registry to look at it: without its secret key, also where nothing can be written,
     * and also if something is wrong with it.
     *
     * @throws RegistryException if the folder holds none, or its ledger cannot be reached
     */
    public static Registry openToRead(Path folder) {
        Place place = new Place(folder);
        String url = place.url(); // first: it says where there is no registry at all
        Clock clock = Clock.systemUTC();
        return new Registry(
                place,
                Optional.empty(),
                PublicKeyFile.read(place.publicKey()),
                Ledger.openToRead(url, clock),
                clock,
                SoupOptions.DEFAULT);
    }

    /** Keeps a publication's entry beside the certificates, as what the ledger has to have. */
    private void note(Entry publication) {
        AtomicFiles.write(
                place.certificates().resolve("publication-" + publication.seq() + ".json"),
                Json.pretty(Heads.of(publication, self()))
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    /** The same registry, making soups with these threads and telling this listener. */
    public Registry with(SoupOptions o) {
        return new Registry(place, key, shown, ledger, clock, o);
    }

    /** Its id and its key's. */
    public StoreOwner self() {
        return place.self(shown);
    }

    /**
     * The newest entry's number and hash, signed: whoever has them can tell whether the ledger was
     * cut off or rewritten since.
     *
     * @throws RegistryException if there is no entry yet
     */
    public JsonObject head() {
        return Heads.of(
                read(Queries::last)
                        .orElseThrow(() -> new RegistryException("The ledger has no entry yet.")),
                self());
    }

    Ledger ledger() {
        return ledger;
    }

    SigningKey key() {
        return key.orElseThrow(
                () -> new RegistryException("The registry was opened for reading only."));
    }

    Place place() {
        return place;
    }

    SoupOptions options() {
        return options;
    }

    LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    String now() {
        return clock.instant().truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString();
    }

    /** The registry's folder. */
    public Path folder() {
        return place.folder();
    }

    /** Where its weights are. */
    public WeightStore store() {
        return store;
    }

    /** The key that entries and certificates are checked with. */
    public PublicKeyFile publicKey() {
        return shown;
    }

    /** Reads one state of the ledger. */
    public <T> T read(Function<Queries, T> work) {
        return ledger.read(work);
    }

    /**
     * Records a base and stores its weights.
     *
     * @throws RegistryException if the name is taken by other weights
     */
    public BaseRow addBase(String name, Path checkpoint) {
        return new Arrivals(this).addBase(name, checkpoint);
    }

    /**
     * Records a shard.
     *
     * @throws RegistryException if the name was ever used, or the shard expired already
     */
    public AddedShard addShard(NewShard n) {
        return new Arrivals(this).addShard(n);
    }

    /**
     * Refuses a name that a shard ever had, or that would be taken for something else: before work
     * that ends with a shard of that name.
     *
     * @throws RegistryException saying why, and what names are made of
     */
    public static void checkNewShard(Queries q, String name) {
        Names.checkNewShard(q, name);
    }

    /**
     * Refuses a soup's name that would be taken for something else, before work that ends with that
     * soup; one that there is gets its next version.
     *
     * @throws RegistryException saying why, and what names are made of
     */
    public static void checkSoupName(Queries q, String name) {
        Names.checkSoupName(q, name);
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
        return new Arrivals(this).addIngredient(n);
    }

    /**
     * Refuses a name that an ingredient has, or that would be taken for something else.
     *
     * @throws RegistryException naming what has it
     */
    public static void checkNewName(Queries q, String name) {
        Names.checkNewName(q, name);
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
        return new Arrivals(this).retire(name, reason);
    }

    /**
     * Records how an ingredient was trained where its entry says it wrongly. The entry stays; from
     * now on the latest correction counts, for training again, for certificates and for deep
     * checks.
     *
     * @param name of a live ingredient
     * @param recipe that it was trained by
     * @param reason in words
     * @return number of the correcting entry
     * @throws RegistryException if there is no such ingredient, or nothing to correct
     */
    public long correctRecipe(String name, JsonObject recipe, String reason) {
        return new Arrivals(this).correctRecipe(name, recipe, reason);
    }

    /** A shard that is neither unknown, withdrawn nor expired. */
    public ShardRow usableShard(Queries q, String name) {
        ShardRow s = Names.shard(q, name);
        checkUsable(s);
        for (Entry w : q.entries(Kind.WITHDRAWAL)) { // a table may have been altered
            if (Json.numbers(w.body(), "shards").contains(s.id())) {
                throw new RegistryException(
                        "Shard '"
                                + s.name()
                                + "' was withdrawn by entry "
                                + w.seq()
                                + ", though the ledger's tables do not say so; see 'soup fsck'.");
            }
        }
        return s;
    }

    void checkUsable(ShardRow s) {
        if (s.withdrawn().isPresent()) {
            throw new RegistryException(
                    "Shard '" + s.name() + "' was withdrawn (entry " + s.withdrawn().get() + ").");
        }
        if (isExpired(s)) {
            throw new RegistryException(
                    "Shard '"
                            + s.name()
                            + "' expired on "
                            + s.expires().orElse("")
                            + "; 'soup expire' takes it out.");
        }
    }

    boolean isExpired(ShardRow s) {
        return s.expires().isPresent() && LocalDate.parse(s.expires().get()).isBefore(today());
    }

    /** Something measured of a soup's current version, such as a memorization audit. */
    public long evaluate(String soup, String what, boolean passed, JsonObject result) {
        return new Publications(this).evaluate(soup, what, passed, result);
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
        return new Publications(this).publish(soup, where, required, overruling);
    }

    /**
     * The command that makes a soup's next version, or that no ingredient is left for one and what
     * remains to be done.
     */
    public static String remake(Queries q, SoupRow s) {
        return Names.remake(q, s);
    }

    /**
     * A soup by {@code name} (its newest version) or {@code name@version}.
     *
     * @throws RegistryException if there is none
     */
    public static SoupRow soup(Queries q, String label) {
        return Names.soup(q, label);
    }

    /**
     * Writes a soup's, an ingredient's or a base's files, byte for byte as stored, by a ledger that
     * is sound: a wrong one may not say what was withdrawn.
     *
     * @param target a new folder, or a new file where the checkpoint is one
     * @throws RegistryException if something is wrong with the ledger, or the weights were
     *     withdrawn
     */
    public Path export(String checkpoint, Path target) {
        return new HandedOutWeights(this).export(checkpoint, target);
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
        return new HandedOutWeights(this).collect(superseded, graceMillis);
    }

    /**
     * A shard that was recorded.
     *
     * @param copies pictures of other live shards that it holds byte for byte
     */
    public record AddedShard(ShardRow shard, List<SampleRow> copies) {}

    /**
     * A retirement.
     *
     * @param entry its number
     * @param soups current ones that hold the ingredient until they are made again
     */
    public record Retired(long entry, IngredientRow ingredient, List<SoupRow> soups) {}

    /**
     * Makes a soup, or its next version.
     *
     * @throws RegistryException if an ingredient is unknown or withdrawn, or they do not start from
     *     one base
     */
    public SoupRow make(SoupPlan plan) {
        return new Soups(this).make(plan);
    }

    /**
     * Brings a soup that follows its shards up to date: new ingredients of its base are averaged
     * in, from the kept sum where there is one.
     *
     * @return the current version; the same as before if nothing was new
     */
    public SoupRow update(String name) {
        return new Soups(this).update(name);
    }

    /**
     * Takes shards or samples out, with everything made of them; see {@link WithdrawRequest}.
     *
     * @throws RegistryException if something named is unknown or already out, or a selection would
     *     have to be run again and cannot be
     */
    public Withdrawn withdraw(WithdrawRequest request) {
        return new Withdrawals(this).withdraw(request);
    }

    /**
     * The name of the base that a checkpoint is, by the hashes of its weight files.
     *
     * @throws RegistryException if it is none of the recorded ones
     */
    public String baseOf(Path checkpoint) {
        Map<String, String> files = new java.util.TreeMap<>();
        if (org.diffusionsoup.core.checkpoint.DiffusersFolder.isOne(checkpoint)) {
            for (String f :
                    org.diffusionsoup.core.checkpoint.DiffusersFolder.open(checkpoint)
                            .weightFiles()) {
                files.put(f, org.diffusionsoup.core.io.Hashes.sha256(checkpoint.resolve(f)));
            }
        } else {
            files.put(
                    org.diffusionsoup.registry.store.Manifest.SINGLE,
                    org.diffusionsoup.core.io.Hashes.sha256(checkpoint));
        }
        return read(q ->
                q.bases().stream()
                        .filter(b -> b.withdrawn().isEmpty())
                        .filter(b -> Json.map(q.entry(b.id()).body(), "files").equals(files))
                        .map(BaseRow::name)
                        .findFirst()
                        .orElseThrow(() ->
                                new RegistryException(
                                        checkpoint
                                                + " is none of the registry's bases, "
                                                + q.bases().stream().map(BaseRow::name).toList()
                                                + "; record it with 'soup base add NAME "
                                                + checkpoint
                                                + "'.")));
    }

    /** Names of live shards whose last day is over. */
    public List<String> expired() {
        return read(q ->
                q.shards().stream()
                        .filter(s -> s.withdrawn().isEmpty() && isExpired(s))
                        .map(ShardRow::name)
                        .toList());
    }

    /**
     * Something that has a name.
     *
     * @param kind {@code soup}, {@code ingredient}, {@code shard} or {@code base}
     * @param entry its number
     */
    public record Named(String kind, long entry) {}

    /** Everything that has a name: the newest soup, the live ingredient, the shard, the base. */
    public static List<Named> named(Queries q, String name) {
        return Names.others(q, name);
    }

    /**
     * A signed certificate of a withdrawal, see {@link Certificates}.
     *
     * @param withdrawal number of its entry
     */
    public JsonObject certificate(long withdrawal) {
        return new Certificates(this).issue(withdrawal);
    }

    /** Writes a certificate among the registry's own, and into the store. */
    public Path saveCertificate(long withdrawal) {
        return new StoredCertificates(this).save(withdrawal);
    }

    /** Checks everything; see {@link Fsck}. */
    public List<Fsck.Finding> check() {
        return check(List.of());
    }

    /**
     * Checks everything, and that the ledger still has what these certificates, or notes of its
     * head, say it had.
     */
    public List<Fsck.Finding> check(List<Path> certificates) {
        return new Fsck(this).check(certificates);
    }

    /** Re-makes what can be, then checks again. */
    public Fsck.Repair repair() {
        return repair(List.of());
    }

    /** The same, with certificates as in {@link #check(List)}. */
    public Fsck.Repair repair(List<Path> certificates) {
        return new Fsck(this).repair(certificates);
    }
}
