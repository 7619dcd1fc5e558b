package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.check.Repair;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who could cheat, and how it shows: whatever database the ledger is in. */
abstract class AttackContract {
    private static final List<String> TABLES =
            List.of(
                    "weight",
                    "withdrawal",
                    "publication",
                    "evaluation",
                    "soup_selection",
                    "soup_member",
                    "soup",
                    "ingredient_shard",
                    "ingredient",
                    "sample",
                    "shard",
                    "base",
                    "entry");

    @TempDir Path folder;
    Registry registry;

    /** A new, empty database; empty for SQLite in the registry's folder. */
    abstract Optional<String> freshDatabase();

    /** A connection of somebody who can write to the ledger's database. */
    abstract Connection connect(Registry r) throws Exception;

    /** Makes a trigger {@code keep} on ingredients that undoes their withdrawal. */
    abstract List<String> trigger();

    @BeforeEach
    void make() {
        registry = fresh("registry");
        Small.base(registry, folder);
        for (int i = 1; i <= 3; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        registry.make(Small.follow("soup"));
    }

    private Registry fresh(String name) {
        return Registry.init(folder.resolve(name), freshDatabase())
                .with(SoupOptions.DEFAULT.withThreads(1));
    }

    void sql(String... statements) throws Exception {
        try (Connection c = connect(registry);
                Statement s = c.createStatement()) {
            for (String sql : statements) {
                s.execute(sql);
            }
        }
    }

    private Registry reopened() {
        return Registry.open(registry.folder()).with(SoupOptions.DEFAULT.withThreads(1));
    }

    private Registry looked() {
        return Registry.openToRead(registry.folder()).with(SoupOptions.DEFAULT.withThreads(1));
    }

    private static List<String> errors(List<Finding> found) {
        return found.stream()
                .filter(f -> f.severity() == Severity.ERROR)
                .map(Finding::sentence)
                .toList();
    }

    long newest() {
        return registry.read(q -> q.last().orElseThrow().seq());
    }

    Withdrawn withdraw(String shard) {
        return registry.withdraw(WithdrawRequest.ofShards(List.of(shard), "asked"));
    }

    private List<String> weights() throws IOException {
        try (Stream<Path> all = Files.walk(registry.store().folder())) {
            return all.filter(Files::isRegularFile)
                    .map(Path::toString)
                    .filter(p -> p.matches(".*/(objects|manifests|sums)/.*"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void aTriggerIsNamedRunsNeverAndIsTakenOut() throws Exception {
        sql(trigger().toArray(new String[0]));
        assertThat(errors(looked().check()))
                .isNotEmpty()
                .first()
                .asString()
                .contains("has a trigger keep on ingredient");
        assertThatThrownBy(() -> withdraw("s2")).hasMessageContaining("trigger keep");
        assertThatThrownBy(() -> registry.read(Queries::shards))
                .hasMessageContaining("soup fsck `repair`");
        assertThatThrownBy(() -> registry.collect(false, 0)).hasMessageContaining("trigger keep");
        assertThat(errors(looked().repair().left())).isEmpty();
        Withdrawn w = withdraw("s2");
        assertThat(w.ingredients()).containsExactly("s2");
        boolean gone = registry.read(q -> q.shard("s2").orElseThrow().withdrawn().isPresent());
        assertThat(gone).isTrue();
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void aViewInATablesPlaceIsNamed() throws Exception {
        sql(
                "ALTER TABLE shard RENAME TO shard_real",
                "CREATE VIEW shard AS SELECT id, name, provider, 'MIT' AS licence, uses, expires,"
                        + " source, root, samples, withdrawn FROM shard_real");
        assertThat(errors(looked().check()))
                .anyMatch(s -> s.contains("has a view shard"))
                .anyMatch(s -> s.contains("lacks the table shard"));
        assertThatThrownBy(() -> registry.read(Queries::shards)).hasMessageContaining("shard");
        assertThat(errors(looked().repair().left()))
                .as("a table may be somebody's own: it stays, and is named")
                .allMatch(s -> s.contains("shard_real"))
                .isNotEmpty();
        sql("DROP TABLE shard_real");
        assertThat(registry.check()).isEmpty();
        String licence = registry.read(q -> q.shard("s1").orElseThrow().licence());
        assertThat(licence).isEqualTo("CC0-1.0");
    }

    @Test
    void tablesAndIndexesThatWereChangedAreNamed() throws Exception {
        sql("DROP INDEX sample_hash", "CREATE INDEX sample_hash ON sample (fingerprint)");
        assertThat(errors(looked().check()))
                .first()
                .asString()
                .contains("index sample_hash on sample in another way");
        assertThat(errors(looked().repair().left())).isEmpty();
        sql("ALTER TABLE evaluation ADD COLUMN note TEXT DEFAULT 'x'");
        assertThat(errors(looked().check())).isNotEmpty().first().asString().contains("evaluation");
        assertThat(errors(looked().repair().left())).isEmpty();
        sql("CREATE TABLE mine (a TEXT)");
        assertThat(errors(looked().check())).first().asString().contains("has a table mine");
        sql("DROP TABLE mine", "DROP INDEX selection_of_shard");
        assertThat(errors(looked().check()))
                .first()
                .asString()
                .contains("lacks the index selection_of_shard");
        assertThat(looked().repair().left()).isEmpty();
    }

    @Test
    void whatWasWithdrawnIsNotHandedOutWhateverTablesAndStoreSay() throws Exception {
        String checkpoint = registry.read(q -> q.ingredient("s2").orElseThrow().checkpoint());
        Path store = registry.store().folder();
        Path copy = folder.resolve("copy");
        copy(store, copy);
        withdraw("s2");
        copy(copy, store);
        Path out = folder.resolve("out.safetensors");
        assertThatThrownBy(() -> looked().export(checkpoint, out))
                .hasMessageContaining("Ingredient 's2' was withdrawn (entry ")
                .hasMessageContaining("not handed out");
        sql(
                "UPDATE ingredient SET withdrawn = NULL",
                "UPDATE shard SET withdrawn = NULL",
                "UPDATE sample SET withdrawn = NULL");
        assertThatThrownBy(() -> looked().export(checkpoint, out))
                .hasMessageContaining("Nothing was written");
        assertThatThrownBy(() -> registry.read(q -> registry.usableShard(q, "s2")))
                .hasMessageContaining("was withdrawn");
        assertThat(out).doesNotExist();
    }

    /** What is missing in a folder and there in another. */
    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path target = to.resolve(from.relativize(p).toString());
                if (!Files.exists(target)) {
                    Files.copy(p, target);
                }
            }
        }
    }

    @Test
    void aTableThatNoRepairDropsIsNamedWithTheStatementThatDoes() throws Exception {
        sql("CREATE TABLE mine (a TEXT)");
        assertThatThrownBy(() -> registry.read(Queries::shards))
                .hasMessageContaining("'DROP TABLE mine' takes it out")
                .hasMessageNotContaining("`repair`");
        Repair repair = looked().repair();
        assertThat(repair.done()).isEmpty();
        assertThat(errors(repair.left()))
                .first()
                .asString()
                .contains("has a table mine", "no repair drops", "'DROP TABLE mine'");
        sql("DROP TABLE mine");
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void nothingIsSignedOfWhatEntriesSayWasWithdrawn() throws Exception {
        sql("DELETE FROM ingredient_shard WHERE shard = 4", "DELETE FROM soup_member");
        assertThatThrownBy(() -> withdraw("s2"))
                .hasMessageContaining("tables do not say what its entries say")
                .hasMessageContaining("table ingredient_shard: row 5/4 is missing, and 3 more")
                .hasMessageContaining("soup fsck `repair`");
        assertThat(errors(looked().repair().left())).isEmpty();
        withdraw("s2");
        long newest = newest();
        sql("UPDATE soup SET withdrawn = NULL, superseded = NULL WHERE version = 1");
        assertThatThrownBy(() -> registry.publish("soup@1", "hub", List.of(), Optional.empty()))
                .hasMessageContaining("table soup: row 8 differs from what the entries say");
        sql("UPDATE ingredient SET withdrawn = NULL", "UPDATE shard SET withdrawn = NULL");
        NewIngredient again =
                new NewIngredient(
                        "again",
                        "base",
                        List.of("s2"),
                        Small.checkpoint(folder.resolve("again.safetensors"), 2),
                        Json.object().build(),
                        "test");
        assertThatThrownBy(() -> registry.addIngredient(again)).hasMessageContaining("withdr");
        assertThat(newest()).isEqualTo(newest);
        assertThat(errors(looked().check())).isNotEmpty();
        assertThat(errors(looked().repair().left())).isEmpty();
    }

    /** Somebody alters a table, something would be signed by it, and the table is put right. */
    private void refused(String alter, Runnable signing, String row) throws Exception {
        long newest = newest();
        sql(alter);
        assertThatThrownBy(signing::run)
                .hasMessageContaining("tables do not say what its entries say")
                .hasMessageContaining(row)
                .hasMessageContaining("soup fsck `repair`");
        assertThat(newest()).isEqualTo(newest);
        assertThat(errors(looked().repair().left())).isEmpty();
    }

    @Test
    void whatAWithdrawalStatesFollowsFromTheEntries() throws Exception {
        registry.make(
                new SoupPlan(
                        "best",
                        List.of(new SoupPlan.Item("s1", Coefficient.ONE)),
                        false,
                        Optional.of(
                                new SoupPlan.Selection(
                                        "greedy", List.of("s1", "s2"), Json.object().build())),
                        true));
        long best = registry.publish("best", "hub", List.of(), Optional.empty());
        long soup = registry.publish("soup", "hub", List.of(), Optional.empty());
        WithdrawRequest request =
                WithdrawRequest.ofShards(List.of("s2"), "asked").keepingSelections();
        refused(
                "DELETE FROM publication",
                () -> registry.withdraw(request),
                "table publication: row " + best + " is missing, and 1 more");
        refused(
                "DELETE FROM soup_selection WHERE shard = 4",
                () -> registry.withdraw(request),
                "table soup_selection: row 9/4 is missing");
        refused(
                "UPDATE soup SET superseded = 11 WHERE id = 9",
                () -> registry.withdraw(request),
                "table soup: row 9 differs");
        Withdrawn w = registry.withdraw(request);
        assertThat(w.publications()).extracting(p -> p.entry()).containsExactly(best, soup);
        assertThat(w.withdrawn()).extracting(s -> s.label()).containsExactly("soup@1", "best@1");
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void picturesLeaveEveryShardThatTheEntriesSayHasThem() throws Exception {
        NewShard.Sample picture = Small.samples("s1", 1).getFirst();
        NewShard dup =
                new NewShard("dup", "p", "CC0-1.0", "", Optional.empty(), "dup", List.of(picture));
        registry.addShard(dup);
        WithdrawRequest request =
                new WithdrawRequest(
                        List.of(),
                        Set.of(picture.sha256()),
                        "asked",
                        false,
                        Optional.empty(),
                        Optional.empty());
        String row = "table sample: row 9/" + picture.sha256() + " is missing";
        refused("DELETE FROM sample WHERE shard = 9", () -> registry.withdraw(request), row);

        long whole = withdraw("s1").entry();
        refused("DELETE FROM sample WHERE shard = 9", () -> registry.certificate(whole), row);
        assertThat(Json.objects(registry.certificate(whole), "remaining_copies"))
                .singleElement()
                .satisfies(c -> assertThat(Json.string(c, "shard")).isEqualTo("dup"));
        assertThat(registry.withdraw(request).samples()).isEqualTo(1);
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void whatIsHandedOutRestsOnWhatTheEntriesSay() throws Exception {
        List<Requirement> required = List.of(new Requirement.Named("review"));
        long review = registry.evaluate("soup", "review", false, Json.object().build());
        refused(
                "UPDATE evaluation SET passed = 1",
                () -> registry.publish("soup", "hub", required, Optional.empty()),
                "table evaluation: row " + review + " differs");
        refused(
                "DELETE FROM evaluation",
                () -> registry.publish("soup", "hub", List.of(), Optional.empty()),
                "table evaluation: row " + review + " is missing");
        registry.publish(
                "soup", "hub", required, Optional.of(new Requirement.Overruling("me", "urgent")));
        assertThat(registry.check()).isEmpty();
    }

    /** As earlier versions signed them, whose tables may have been altered meanwhile. */
    private long handedOut(String required, String... overruled) {
        return registry.context()
                .ledger()
                .write(t ->
                        t.append(
                                        Kind.PUBLICATION,
                                        Json.object()
                                                .put("soup", 8)
                                                .put("place", "hub")
                                                .strings("required", List.of(required))
                                                .strings("overruled", List.of(overruled))
                                                .build())
                                .seq());
    }

    private JsonObject audited(String shard, long copies) {
        String checkpoint = registry.read(q -> q.soup(8).orElseThrow().checkpoint());
        return Json.object()
                .put("shard", shard)
                .put("own_sampling", true)
                .put("checkpoint", checkpoint)
                .put("pictures", 20)
                .put("near_copies", copies)
                .build();
    }

    @Test
    void whatWasHandedOutWronglyInLedgersOfBeforeIsNamed() {
        long failed = registry.evaluate("soup", "review", false, Json.object().build());
        long one = handedOut("review");
        handedOut("review", "did not pass its last evaluation 'review'");
        handedOut("a name that means nothing any more");
        long two = handedOut("probe");
        registry.evaluate("soup", "audit", true, audited("s1", 0));
        registry.evaluate("soup", "audit", true, audited("s2", 0));
        long copies = registry.evaluate("soup", "audit", true, audited("s2", 15));
        long three = handedOut("audit(bound=0.5, pictures>=20)", "drew 15 near copies");
        long four = handedOut("audit(bound=0.5, pictures>=20, shards=s2)");
        handedOut("audit(bound=0.5, pictures>=20, shards=s1)");
        registry.evaluate("soup", "review", true, Json.object().build());
        handedOut("review");
        assertThat(errors(looked().check()))
                .containsExactly(
                        "ledger entry %d (publication): was handed out though 1 evaluation (entry %d) finds soup 8 wanting, and states no overruling"
                                .formatted(one, failed),
                        "ledger entry %d (publication): requires evaluation 'probe', and before it there is none of soup 8"
                                .formatted(two),
                        "ledger entry %d (publication): requires an audit of shard s3 with at least 20 pictures, and before it there is none of soup 8"
                                .formatted(three),
                        "ledger entry %d (publication): was handed out though 1 evaluation (entry %d) finds soup 8 wanting, and states no overruling"
                                .formatted(four, copies));
    }

    @Test
    void anEmptiedLedgerIsNotSoundAndItsStoreStays() throws Exception {
        List<String> before = weights();
        for (String table : TABLES) {
            sql("DELETE FROM " + table);
        }
        assertThat(errors(looked().check()))
                .singleElement()
                .asString()
                .contains("ends at entry 0", "store was written to at entry 8");
        assertThatThrownBy(() -> registry.collect(false, 0)).hasMessageContaining("lost");
        assertThatThrownBy(this::reopened).hasMessageContaining("ends at entry 0");
        // The same with a store that says nothing of itself.
        Files.delete(registry.store().folder().resolve("registry.json"));
        Files.delete(registry.store().folder().resolve("head.json"));
        assertThatThrownBy(this::reopened)
                .hasMessageContaining("names none of them")
                .hasMessageContaining("Nothing was changed");
        assertThat(errors(looked().check())).singleElement().asString().contains("names none");
        assertThatThrownBy(() -> registry.collect(false, 0)).hasMessageContaining("names none");
        assertThat(weights()).isEqualTo(before);
    }

    @Test
    void aDamagedNoteSaysHowToGoOn() throws Exception {
        Path head = registry.store().folder().resolve("head.json");
        for (String damage : List.of("{\"entry\":\0", "{}", "[]")) {
            Files.writeString(head, damage);
            assertThatThrownBy(() -> looked().check())
                    .hasMessageContaining("head.json was altered")
                    .hasMessageContaining("soup log `head`")
                    .hasMessageContaining("remove the file");
        }
        Files.delete(head);
        registry = reopened();
        Small.add(registry, Files.createTempDirectory(registry.folder(), "late"), "late", 77);
        assertThat(head).exists();
        assertThat(errors(registry.check())).isEmpty();
    }

    @Test
    void aDatabaseWithoutLedgerIsNoEmptyLedger() throws Exception {
        List<String> before = weights();
        sql("DROP TABLE flyway_schema_history");
        for (String table : TABLES) {
            sql("DROP TABLE " + table);
        }
        assertThatThrownBy(this::reopened)
                .hasMessageContaining("There is no ledger in")
                .hasMessageContaining("only 'soup init' makes");
        assertThatThrownBy(this::looked).hasMessageContaining("There is no ledger in");
        assertThat(weights()).isEqualTo(before);
    }

    /** As registries were before they had ids, and stores before they named their registry. */
    private void before() throws IOException {
        Path config = registry.folder().resolve("registry.json");
        JsonObject now = JsonValue.readObject(config);
        Files.writeString(
                config,
                Json.pretty(
                        Json.object()
                                .put("format", 1)
                                .put("ledger", Json.string(now, "ledger"))
                                .build()));
        Files.deleteIfExists(registry.store().folder().resolve("registry.json"));
        Files.deleteIfExists(registry.store().folder().resolve("head.json"));
    }

    @Test
    void whatWasMadeBeforeIsTakenOver() throws Exception {
        before();
        assertThat(looked().check()).as("read as it is").isEmpty();
        assertThat(registry.store().owner()).isEmpty();
        registry = reopened();
        String key = registry.publicKey().id();
        assertThat(registry.store().owner())
                .contains(new StoreOwner(key.substring(0, 32), key))
                .contains(registry.self());
        assertThat(registry.store().head().orElseThrow().entry()).isEqualTo(8);
        Withdrawn w = withdraw("s2");
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
    }

    private CertificateCheck.Report verify(Path certificate, Registry store) {
        return CertificateCheck.check(
                certificate,
                registry.publicKey(),
                store.store().folder(),
                SoupOptions.DEFAULT.withThreads(1));
    }

    @Test
    void aCertificateWantsTheStoreOfItsOwnRegistry() throws Exception {
        Small.add(registry, folder, "alone", 4);
        Withdrawn w = withdraw("alone"); // in no soup: there is nothing to replay
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        Registry other = fresh("other");
        Small.base(other, folder);
        assertThat(verify(w.certificate(), other).wrong().getFirst())
                .contains("store:", other.self().id(), registry.self().id());
        Files.delete(other.store().folder().resolve("registry.json"));
        assertThat(verify(w.certificate(), other).wrong().getFirst()).contains("names no registry");

        // The other's store in this registry's place.
        Path own = registry.store().folder();
        Files.move(own, folder.resolve("aside"));
        other.store().claim(other.self());
        Files.move(other.store().folder(), own);
        assertThatThrownBy(this::reopened).hasMessageContaining("belongs to");
        assertThat(errors(looked().check())).anyMatch(s -> s.contains("belongs to registry"));
        assertThatThrownBy(() -> registry.collect(false, 0)).hasMessageContaining("belongs to");
    }

    @Test
    void aLedgerThatWasCutOffIsNotWrittenTo() throws Exception {
        long before = Json.number(registry.head(), "entry");
        Withdrawn w = withdraw("s2");
        registry.publish("soup", "the hub", List.of(), Optional.empty());
        Path notes = registry.folder().resolve("certificates");
        Path stored = registry.store().certificates().resolve("withdrawal-9.json");
        List<Path> signed = List.of(w.certificate(), stored, notes.resolve("publication-11.json"));
        Path elsewhere = Files.createDirectory(folder.resolve("kept"));
        for (int i = 0; i < signed.size(); i++) {
            Files.move(signed.get(i), elsewhere.resolve(String.valueOf(i)));
        }
        sql("DELETE FROM entry WHERE seq > " + before);
        looked().repair();
        Files.delete(registry.store().folder().resolve("head.json"));
        for (int i = 0; i < signed.size(); i++) {
            Path file = Files.copy(elsewhere.resolve(String.valueOf(i)), signed.get(i));
            assertThatThrownBy(this::reopened)
                    .hasMessageContaining(file + " notes ledger entry")
                    .hasMessageContaining("newer entries were cut off")
                    .hasMessageContaining("If it is lost for good, move this file");
            Files.delete(file);
        }
        // Anybody can write a file of such a name.
        Files.writeString(notes.resolve("withdrawal-99.json"), "{}");
        reopened().evaluate("soup", "audit", true, Json.object().build());
        Files.delete(notes.resolve("withdrawal-99.json"));
        assertThat(Json.number(registry.head(), "entry")).isEqualTo(w.entry());

        // What is in its place now is of another kind, and another entry.
        Files.copy(elsewhere.resolve("1"), stored);
        assertThatThrownBy(this::reopened).hasMessageContaining("another history");
        assertThat(errors(looked().check()))
                .anyMatch(s -> s.contains(stored.toString()) && s.contains("another history"));
    }

    @Test
    void anOlderCopyOfTheLedgerShowsByWhatWasNotedSince() throws Exception {
        JsonObject head = registry.head();
        Path early = folder.resolve("early.json");
        Files.writeString(early, Json.pretty(head));
        Withdrawn w = withdraw("s2");
        registry.publish("soup", "the hub", List.of(), Optional.empty());
        Path late = folder.resolve("late.json");
        Files.writeString(late, Json.pretty(registry.head()));
        assertThat(registry.check(List.of(early, late, w.certificate()))).isEmpty();

        // Back to before the withdrawal, with tables that fit.
        List<String> before = weights();
        sql("DELETE FROM entry WHERE seq > " + Json.number(head, "entry"));
        assertThat(errors(looked().repair().left())).anyMatch(s -> s.contains("older copy"));
        Files.delete(registry.store().folder().resolve("head.json"));
        Path certificates = registry.folder().resolve("certificates");
        Path publication = certificates.resolve("publication-11.json");
        assertThat(errors(looked().check()))
                .anyMatch(s ->
                        s.contains("withdrawal-9.json notes ledger entry 9")
                                && s.contains("ends at entry 8"))
                .anyMatch(s -> s.contains("publication-11.json"));
        assertThatThrownBy(() -> registry.collect(false, 0)).hasMessageContaining("withdrawal-9");
        assertThat(weights()).isEqualTo(before);

        // Known elsewhere only.
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        Files.move(publication, elsewhere.resolve("publication.json"));
        Path certificate = elsewhere.resolve("certificate.json");
        Files.move(w.certificate(), certificate, StandardCopyOption.REPLACE_EXISTING);
        Path stored = registry.store().certificates().resolve("withdrawal-9.json");
        assertThat(errors(looked().check()))
                .anyMatch(s -> s.contains(stored + " notes ledger entry 9"));
        assertThatThrownBy(() -> registry.collect(false, 0)).hasMessageContaining("withdrawal-9");
        Files.move(stored, elsewhere.resolve("stored.json"));
        assertThat(errors(looked().check()))
                .as("nothing that is left here knows")
                .noneMatch(s -> s.contains("older copy"));
        for (Path known : List.of(certificate, late, elsewhere.resolve("publication.json"))) {
            assertThat(errors(looked().check(List.of(known))))
                    .as("%s", known)
                    .anyMatch(s -> s.contains("older copy") && s.contains(known.toString()));
        }
        assertThat(errors(looked().check(List.of(early))))
                .noneMatch(s -> s.contains(early.toString()));
        // Another history: other entries where the noted ones were.
        registry.evaluate("soup", "audit", true, Json.object().build());
        assertThat(errors(looked().check(List.of(certificate))))
                .anyMatch(s -> s.contains("another history"));
        Files.writeString(
                late, Files.readString(late).replaceAll("\"hash\": \"..", "\"hash\": \"00"));
        assertThat(errors(looked().check(List.of(late))))
                .anyMatch(s -> s.contains("not signed by this registry's key"));
    }

    private static void copyKeys(Path from, Path to) throws IOException {
        for (String name : List.of("registry.key", "registry.pub")) {
            Files.copy(from.resolve(name), to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    @Test
    void anotherKeySignsNothing() throws Exception {
        Registry other = fresh("other");
        Path own = Files.createDirectory(folder.resolve("own"));
        copyKeys(registry.folder(), own);
        copyKeys(other.folder(), registry.folder());
        assertThatThrownBy(this::reopened)
                .hasMessageContaining("put the registry's own key files back");
        assertThat(errors(looked().check())).anyMatch(s -> s.contains("own key files"));
        // Where neither registry nor store know their key, the entries do.
        before();
        Registry swapped = reopened();
        assertThatThrownBy(() -> swapped.addShard(Small.shard("late")))
                .hasMessageContaining("not signed by the key")
                .hasMessageContaining("Nothing was recorded");
        copyKeys(own, registry.folder());
        Files.delete(registry.store().folder().resolve("registry.json"));
        registry = reopened();
        registry.addShard(Small.shard("late"));
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void aDateFarFromTheClockIsConfirmedAndMarkedOrRefused() {
        Instant now = Instant.now();
        Clock far = Clock.fixed(Instant.parse("2126-03-01T10:00:00Z"), ZoneOffset.UTC);
        Registry wrong = Registry.open(registry.folder(), far);
        assertThatThrownBy(() -> wrong.addShard(Small.shard("a")))
                .hasMessageContaining("this machine's clock says 2126-03-01")
                .hasMessageContaining("SOUP_TODAY=2126-03-01");
        assertThat(newest()).isEqualTo(8);
        LocalDate said = LocalDate.parse("2126-03-01");
        new Registry(Opening.open(registry.folder(), far, Optional.of(said)))
                .addShard(Small.shard("a"));
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.severity()).isEqualTo(Severity.NOTE);
                    assertThat(f.sentence()).contains("entry 9 is dated 2126-03-01");
                });

        assertThatThrownBy(() -> registry.addShard(Small.shard("b")))
                .hasMessageContaining("entry (9) is dated 2126-03-01")
                .hasMessageContaining("Nothing was recorded".toLowerCase(java.util.Locale.ROOT));
        Clock here = Clock.fixed(now, ZoneOffset.UTC);
        LocalDate today = LocalDate.ofInstant(now, ZoneOffset.UTC);
        new Registry(Opening.open(registry.folder(), here, Optional.of(today)))
                .addShard(Small.shard("b"));
        registry.addShard(Small.shard("c"));
        List<Entry> entries = registry.read(Queries::entries);
        assertThat(entries.get(9).time()).startsWith(today.toString());
        assertThat(entries.get(10).time()).doesNotStartWith("2126");
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.severity()).isEqualTo(Severity.NOTE);
                    assertThat(f.sentence()).contains("entry 10", "before entry 9");
                });
    }
}
