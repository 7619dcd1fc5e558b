package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.gate.Gate;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.gate.Requirement.Shortfall;
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
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Staged;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.IngredientCheck;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/**
 * Who is in what: shards, the ingredients trained on them, and the soups made of those, in a signed
 * ledger with the weights beside it (paper, Sections 5.3 and 6.2).
 *
 * <p>Safe for use by several threads and processes at once, and for being killed at any point:
 * weights are stored before the ledger names them, and what one operation appends appears together.
 */
public final class Registry {
    /** So many names a sentence lists. */
    private static final int MOST_NAMES = 20;

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
        Names.check("base", name);
        try (WeightStore.Session session = store.open()) {
            read(q -> {
                Names.checkFree(q, "base", name);
                return true;
            });
            try (Staged staged = store.stage(checkpoint)) {
                String id = staged.id();
                new IngredientCheck(staged.view(), session.work())
                        .base("Base '" + name + "' (" + checkpoint + ")", id);
                return ledger.write(t -> {
                    refuseReturned(t, "Base '" + name + "'", staged, Optional.empty(), List.of());
                    Names.checkFree(t, "base", name);
                    Optional<BaseRow> old =
                            t.bases().stream().filter(b -> b.name().equals(name)).findFirst();
                    if (old.isPresent()) {
                        if (old.get().checkpoint().equals(id)) {
                            staged.keep();
                            return old.get();
                        }
                        throw new RegistryException(
                                "There is another base '" + name + "'; choose another name.");
                    }
                    JsonObject body =
                            Json.object()
                                    .put("name", name)
                                    .put("checkpoint", id)
                                    .map("files", staged.manifest().weightFiles())
                                    .build();
                    long entry = t.append(Kind.BASE, body).seq();
                    staged.keep();
                    return new BaseRow(entry, name, id, Optional.empty());
                });
            }
        }
    }

    /**
     * A shard that was recorded.
     *
     * @param copies pictures of other live shards that it holds byte for byte
     */
    public record AddedShard(ShardRow shard, List<SampleRow> copies) {}

    /**
     * Records a shard.
     *
     * @throws RegistryException if the name was ever used, or the shard expired already
     */
    public AddedShard addShard(NewShard n) {
        if (n.expires().isPresent() && n.expires().get().isBefore(today())) {
            throw new RegistryException(
                    "Shard " + n.name() + " expired on " + n.expires().get() + " already.");
        }
        Set<String> hashes = new LinkedHashSet<>();
        List<String> manifest = new ArrayList<>();
        n.samples().stream()
                .sorted(java.util.Comparator.comparing(NewShard.Sample::sha256))
                .forEach(s -> {
                    if (hashes.add(s.sha256())) {
                        manifest.add((s.sha256() + " " + s.fingerprint()).strip());
                    }
                });
        Json.Builder body =
                Json.object()
                        .put("name", n.name())
                        .put("provider", n.provider())
                        .put("licence", n.licence())
                        .put("uses", n.uses())
                        .put("source", n.source())
                        .put("root", Merkle.root(hashes))
                        .put("samples", hashes.size())
                        .strings("manifest", manifest);
        n.expires().ifPresent(d -> body.put("expires", d.toString()));
        return ledger.write(t -> {
            checkNewShard(t, n.name());
            readmit(t, n, hashes, body);
            long id = t.append(Kind.SHARD, body.build()).seq();
            return new AddedShard(t.shard(n.name()).orElseThrow(), t.copiesOf(id));
        });
    }

    /**
     * Refuses a name that a shard ever had, or that would be taken for something else: before work
     * that ends with a shard of that name.
     *
     * @throws RegistryException saying why, and what names are made of
     */
    public static void checkNewShard(Queries q, String name) {
        Names.check("shard", name);
        q.shard(name)
                .ifPresent(old -> {
                    throw new RegistryException(
                            "There "
                                    + (old.withdrawn().isPresent() ? "was" : "is")
                                    + " a shard '"
                                    + name
                                    + "' (entry "
                                    + old.id()
                                    + "); choose another name.");
                });
        Names.checkFree(q, "shard", name);
    }

    /**
     * Refuses a soup's name that would be taken for something else, before work that ends with that
     * soup; one that there is gets its next version.
     *
     * @throws RegistryException saying why, and what names are made of
     */
    public static void checkSoupName(Queries q, String name) {
        Names.check("soup", name);
        if (q.soup(name).isEmpty()) {
            Names.checkFree(q, "soup", name);
        }
    }

    /** Pictures that were withdrawn come back only where it is said why they may. */
    private static void readmit(Queries q, NewShard n, Set<String> hashes, Json.Builder body) {
        List<SampleRow> gone = q.withdrawnSamples(hashes);
        if (gone.isEmpty()) {
            return;
        }
        java.util.TreeSet<Long> entries = new java.util.TreeSet<>();
        java.util.TreeSet<String> pictures = new java.util.TreeSet<>();
        // A picture may have left several shards; what is said of it is the last time.
        Map<String, Long> last = new java.util.TreeMap<>();
        gone.forEach(s -> {
            s.withdrawn()
                    .ifPresent(w -> {
                        entries.add(w);
                        last.merge(s.sha256(), w, Math::max);
                    });
            pictures.add(s.sha256());
        });
        java.util.TreeMap<Long, List<String>> by = new java.util.TreeMap<>();
        last.forEach((sha, w) -> by.computeIfAbsent(w, k -> new ArrayList<>()).add(sha));
        List<String> when = new ArrayList<>();
        by.descendingMap()
                .forEach((w, some) ->
                        when.add(
                                "entry "
                                        + w
                                        + ", '"
                                        + Json.string(q.entry(w).body(), "reason")
                                        + "': "
                                        + (by.size() == 1 ? "" : some.size() + " of them, ")
                                        + "the first is "
                                        + some.getFirst()));
        if (n.readmission().isEmpty()) {
            throw new RegistryException(
                    pictures.size()
                            + " of the "
                            + Plural.of(hashes.size(), "picture")
                            + " of shard "
                            + n.name()
                            + (pictures.size() == 1 ? " was" : " were")
                            + " withdrawn before ("
                            + String.join("; ", when)
                            + "); leave them out, or, if it was agreed anew that they may be used,"
                            + " say so in words for the ledger (`readmit`).");
        }
        body.put(
                "readmitted",
                Json.object()
                        .put("agreement", n.readmission().get())
                        .put("pictures", pictures.size())
                        .numbers("withdrawals", entries)
                        .build());
    }

    private static void refuseReturned(
            Queries q, String what, Staged staged, Optional<BaseRow> base, List<Long> shards) {
        new ReturnedWeights(staged.view())
                .of(q, what, staged.id(), base, shards)
                .ifPresent(s -> {
                    throw new RegistryException(
                            s
                                    + "; weights may come back only with all pictures that they"
                                    + " were trained on: if that was agreed anew, record those"
                                    + " with 'soup shard add `readmit`', and name that shard.");
                });
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
        try (WeightStore.Session session = store.open()) {
            record Known(BaseRow base, List<BaseRow> bases, List<IngredientRow> siblings) {}
            Known known =
                    read(q -> {
                        n.shards().forEach(s -> usableShard(q, s));
                        checkNewName(q, n.name());
                        BaseRow b = base(q, n.base());
                        return new Known(
                                b,
                                q.bases().stream().filter(x -> x.withdrawn().isEmpty()).toList(),
                                q.ingredients().stream()
                                        .filter(i -> i.isLive() && i.base() == b.id())
                                        .toList());
                    });
            try (Staged staged = store.stage(n.weights())) {
                new IngredientCheck(staged.view(), session.work())
                        .ingredient(
                                "Ingredient '" + n.name() + "' (" + n.weights() + ")",
                                staged.id(),
                                known.base(),
                                known.bases(),
                                known.siblings());
                return ledger.write(t -> {
                    checkNewName(t, n.name());
                    List<Long> shards =
                            n.shards().stream().map(s -> usableShard(t, s).id()).toList();
                    refuseReturned(
                            t,
                            "Ingredient '" + n.name() + "'",
                            staged,
                            Optional.of(base(t, n.base())),
                            shards);
                    long entry = append(t, n, staged.manifest());
                    staged.keep(); // last: nothing refuses it any more
                    return t.ingredient(entry).orElseThrow();
                });
            }
        }
    }

    /** Appends an ingredient whose weights are stored. */
    long append(Ledger.Transaction t, NewIngredient n, String checkpoint) {
        return append(t, n, store.manifest(checkpoint));
    }

    private long append(Ledger.Transaction t, NewIngredient n, Manifest manifest) {
        BaseRow base = base(t, n.base());
        List<Long> shards = new ArrayList<>();
        for (String name : n.shards()) {
            ShardRow s = usableShard(t, name);
            if (!shards.contains(s.id())) {
                shards.add(s.id());
            }
        }
        if (shards.isEmpty()) {
            throw new RegistryException(
                    "Ingredient " + n.name() + " names no shard that it was trained on.");
        }
        JsonObject body =
                Json.object()
                        .put("name", n.name())
                        .put("base", base.id())
                        .numbers("shards", shards)
                        .put("checkpoint", manifest.id())
                        .map("files", manifest.weightFiles())
                        .put("recipe", n.recipe())
                        .put("code_version", n.codeVersion())
                        .build();
        return t.append(Kind.INGREDIENT, body).seq();
    }

    /**
     * Refuses a name that an ingredient has, or that would be taken for something else.
     *
     * @throws RegistryException naming what has it
     */
    public static void checkNewName(Queries q, String name) {
        q.ingredient(name)
                .ifPresent(old -> {
                    throw new RegistryException(
                            "There is an ingredient '"
                                    + name
                                    + "' (entry "
                                    + old.id()
                                    + "); choose another name.");
                });
        Names.checkFree(q, "ingredient", name);
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
        if (reason.isBlank()) {
            throw new RegistryException("A retirement states a reason (`reason`).");
        }
        return ledger.write(t -> {
            IngredientRow i = Soups.ingredient(t, name);
            long entry =
                    t.append(
                                    Kind.RETIREMENT,
                                    Json.object()
                                            .put("ingredient", i.id())
                                            .put("name", name)
                                            .put("reason", reason)
                                            .build())
                            .seq();
            return new Retired(
                    entry,
                    i,
                    t.soupsWith(List.of(i.id())).stream().filter(SoupRow::isCurrent).toList());
        });
    }

    /**
     * A retirement.
     *
     * @param entry its number
     * @param soups current ones that hold the ingredient until they are made again
     */
    public record Retired(long entry, IngredientRow ingredient, List<SoupRow> soups) {}

    private static BaseRow base(Queries q, String name) {
        Optional<BaseRow> base = q.bases().stream().filter(b -> b.name().equals(name)).findFirst();
        base.flatMap(BaseRow::withdrawn)
                .ifPresent(w -> {
                    throw new RegistryException(
                            "Base '" + name + "' was withdrawn (entry " + w + ").");
                });
        return base.orElseThrow(() ->
                new RegistryException(
                        "There is no base '"
                                + Visible.shortened(name)
                                + "', only "
                                + few(q.bases().stream().map(BaseRow::name).toList())
                                + "; record it with 'soup base add'."));
    }

    /** A shard that is neither unknown, withdrawn nor expired. */
    public ShardRow usableShard(Queries q, String name) {
        ShardRow s = shard(q, name);
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

    static ShardRow shard(Queries q, String name) {
        return q.shard(name)
                .orElseThrow(() ->
                        new RegistryException(
                                "There is no shard '"
                                        + Visible.shortened(name)
                                        + "'; 'soup shard list' shows those there are."));
    }

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

    /** Something measured of a soup's current version, such as a memorization audit. */
    public long evaluate(String soup, String what, boolean passed, JsonObject result) {
        return ledger.write(t -> {
            SoupRow s = current(t, soup);
            return t.append(
                            Kind.EVALUATION,
                            Json.object()
                                    .put("soup", s.id())
                                    .put("what", what)
                                    .put("passed", passed)
                                    .put("result", result)
                                    .build())
                    .seq();
        });
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
        return ledger.write(t -> {
            SoupRow s = current(t, soup);
            refuseRetired(t, s);
            new ReturnedWeights(store)
                    .refuseMembers(
                            t, s.label(), s.members().stream().map(m -> m.ingredient()).toList());
            Gate gate = new Gate(t, s);
            List<Shortfall> found = required.stream().flatMap(r -> gate.check(r).stream()).toList();
            for (Shortfall f : found) {
                if (!f.measured() || overruling.isEmpty()) {
                    throw new RegistryException(
                            "Soup "
                                    + s.label()
                                    + " "
                                    + f.problem()
                                    + ", and is not published."
                                    + (f.measured()
                                            ? " Whoever answers for it may overrule that by name"
                                                    + " and reason, which the ledger keeps."
                                            : ""));
                }
            }
            Json.Builder body =
                    Json.object()
                            .put("soup", s.id())
                            .put("place", where)
                            .strings("required", required.stream().map(Requirement::text).toList());
            if (!found.isEmpty()) {
                body.strings("overruled", found.stream().map(Shortfall::problem).toList());
                overruling.ifPresent(o -> body.put("by", o.by()).put("reason", o.reason()));
            }
            return t.append(Kind.PUBLICATION, body.build()).seq();
        });
    }

    private static void refuseRetired(Queries q, SoupRow s) {
        s.members()
                .forEach(m ->
                        q.ingredient(m.ingredient())
                                .filter(i -> i.retired().isPresent())
                                .ifPresent(i -> {
                                    throw new RegistryException(retiredMember(q, s, i));
                                }));
    }

    private static String retiredMember(Queries q, SoupRow s, IngredientRow i) {
        return "Soup "
                + s.label()
                + " holds ingredient '"
                + i.name()
                + "', which was retired (entry "
                + i.retired().orElseThrow()
                + "); "
                + Soups.remake(q, s)
                        .map(c -> "make it without ('" + c + "') and publish that.")
                        .orElse(
                                "no other is left to make it of: record one with 'soup ingredient add',"
                                        + " make the soup again, and publish that.");
    }

    /**
     * The command that makes a soup's next version, or that no ingredient is left for one and what
     * remains to be done.
     */
    public static String remake(Queries q, SoupRow s) {
        return Soups.remake(q, s)
                .map(command -> "'" + command + "'")
                .orElseGet(() ->
                        "another ingredient of its base is recorded ('soup ingredient add'), since none"
                                + " is left, and the soup is made again of that");
    }

    /**
     * A soup by {@code name} (its newest version) or {@code name@version}.
     *
     * @throws RegistryException if there is none
     */
    public static SoupRow soup(Queries q, String label) {
        int at = label.lastIndexOf('@');
        Optional<SoupRow> found = Optional.empty();
        if (at > 0 && label.substring(at + 1).matches("[1-9][0-9]{0,8}")) {
            found = q.soup(label.substring(0, at), Long.parseLong(label.substring(at + 1)));
        } else {
            found = q.soup(label);
        }
        return found.orElseThrow(() ->
                new RegistryException(
                        "There is no soup '"
                                + Visible.shortened(label)
                                + "', only "
                                + few(q.soups().stream().map(SoupRow::name).toList())
                                + "."));
    }

    /** Names in a sentence: the first of them, and how many more there are. */
    private static String few(List<String> names) {
        List<String> all = List.copyOf(new LinkedHashSet<>(names));
        return all.size() <= MOST_NAMES
                ? all.toString()
                : all.subList(0, MOST_NAMES) + " and " + (all.size() - MOST_NAMES) + " more";
    }

    static SoupRow current(Queries q, String label) {
        SoupRow s = soup(q, label);
        if (!s.isCurrent()) {
            throw new RegistryException(
                    "Soup "
                            + s.label()
                            + (s.withdrawn().isPresent()
                                    ? " was withdrawn (entry " + s.withdrawn().get() + ")."
                                    : " was superseded (entry " + s.superseded().get() + ")."));
        }
        return s;
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
        ModelOutput.MODEL.checkNew(target);
        try (WeightStore.Reading reading = store.openToRead()) {
            List<String> wrong = unsound();
            if (!wrong.isEmpty()) {
                throw new RegistryException(
                        "Nothing was written, because the ledger may not say what was withdrawn: "
                                + wrong.getFirst()
                                + "; see 'soup fsck'.");
            }
            if (store.has(checkpoint)) {
                read(q -> WhyGone.withdrawn(q, checkpoint))
                        .ifPresent(what -> {
                            throw new RegistryException(
                                    what
                                            + ": its weights are not handed out, though they are in"
                                            + " the store; 'soup gc' deletes them.");
                        });
            }
            if (!store.has(checkpoint)) {
                read(q -> WhyGone.of(q, checkpoint))
                        .ifPresent(why -> {
                            throw new RegistryException(why);
                        });
            }
            if (store.manifest(checkpoint).folder()) {
                AtomicFiles.writeFolder(target, to -> store.rebuild(checkpoint, to));
            } else {
                AtomicFiles.write(target, out -> store.rebuild(checkpoint, out));
            }
        }
        return target;
    }

    /** What is wrong with the ledger by itself, and beside what was noted of it. */
    private List<String> unsound() {
        List<String> wrong = new ArrayList<>(ledger.check(shown).wrong());
        if (wrong.isEmpty()) {
            wrong.addAll(read(q -> Heads.wrong(q, shown, Heads.known(place.certificates()))));
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
        new Belonging(this).enforce();
        // First: what explains that weights are gone is there before they go.
        new StoredCertificates(this).saveMissing();
        return store.collect(
                () ->
                        read(q -> {
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
        read(q -> q.withdrawnWeights(hashes)).forEach(w -> gone.add(w.sha256()));
        return gone;
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
        if (reason.isBlank()) {
            throw new RegistryException("A correction states a reason (`reason`).");
        }
        return ledger.write(t -> {
            IngredientRow i = Soups.ingredient(t, name);
            if (Json.canonical(t.recipe(i.id())).equals(Json.canonical(recipe))) {
                throw new RegistryException(
                        "The ledger has that recipe of ingredient '" + name + "' already.");
            }
            return t.append(
                            Kind.CORRECTION,
                            Json.object()
                                    .put("corrects", i.id())
                                    .put("name", name)
                                    .put("recipe", recipe)
                                    .put("reason", reason)
                                    .build())
                    .seq();
        });
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
