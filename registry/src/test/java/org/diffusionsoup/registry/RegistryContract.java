package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.registry.certificate.Certificates;
import org.diffusionsoup.registry.certificate.Seal;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.check.Repair;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.TrainedOn;
import org.diffusionsoup.registry.near.Likeness;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.store.Staged;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a registry does, whatever database its ledger is in. */
abstract class RegistryContract {
    @TempDir Path folder;
    Registry registry;

    /**
     * How many of a property's random histories are played; one is enough for a second database.
     */
    int games(int all) {
        return all;
    }

    /** A new, empty database; empty for SQLite in the registry's folder. */
    abstract Optional<String> freshDatabase();

    /** Changes the ledger behind the registry's back. */
    abstract void tamper(Registry r, String sql) throws Exception;

    Registry fresh(String name) {
        Registry r = Registry.init(folder.resolve(name), freshDatabase());
        return r.with(SoupOptions.DEFAULT.withThreads(1));
    }

    @BeforeEach
    void make() {
        registry = fresh("registry");
        Small.base(registry, folder);
    }

    Path exported(Registry r, SoupRow s) {
        return r.export(s.checkpoint(), folder.resolve("export-" + System.nanoTime()));
    }

    CertificateCheck.Report verify(Path certificate, Registry r) {
        return CertificateCheck.check(
                certificate,
                PublicKeyFile.read(r.folder().resolve("registry.pub")),
                r.store().folder(),
                SoupOptions.DEFAULT.withThreads(1));
    }

    @Test
    void aWithdrawnShardLeavesTheBytesOfARegistryThatNeverHadIt() {
        for (int i = 1; i <= 5; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        SoupRow five = registry.make(Small.follow("soup"));
        Small.add(registry, folder, "s6", 6);
        SoupRow six = registry.update("soup");
        assertThat(six.version()).isEqualTo(2);
        assertThat(six.members()).hasSize(6);
        assertThat(made(six)).as("from the kept sum").isEqualTo("adjusted");

        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("s3"), "licence ended"));
        assertThat(w.ingredients()).containsExactly("s3");
        assertThat(w.made()).hasSize(1);
        assertThat(made(w.made().getFirst())).isEqualTo("adjusted");
        assertThat(w.withdrawn()).extracting(SoupRow::label).containsExactly("soup@1", "soup@2");
        assertThat(registry.store().has(five.checkpoint())).isFalse();
        assertThat(registry.store().has(six.checkpoint())).isFalse();
        assertThat(w.bytesFreed()).isPositive();

        Registry never = fresh("never");
        Small.base(never, folder);
        for (int i : new int[] {1, 2, 4, 5, 6}) {
            Small.add(never, folder, "s" + i, i);
        }
        SoupRow other = never.make(Small.follow("soup"));
        assertThat(exported(registry, w.made().getFirst()))
                .hasSameBinaryContentAs(exported(never, other));

        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(verify(w.certificate(), registry).checked())
                .anyMatch(s -> s.contains("soup@3") && s.contains("same bytes"));
        assertThat(registry.check()).isEmpty();
        assertThat(never.check()).isEmpty();
    }

    private boolean isWithdrawn(String shard) {
        return registry.read(q -> q.shard(shard).orElseThrow().withdrawn().isPresent());
    }

    private long version(String soup) {
        return registry.read(q -> q.soup(soup).orElseThrow().version());
    }

    private String made(SoupRow s) {
        return registry.read(q -> Json.string(q.entry(s.id()).body(), "made"));
    }

    @Test
    void anyHistoryEndsInTheBytesOfTheSoupMadeAfresh() {
        long seed = Long.getLong("soup.seed", 20261123L);
        Random random = new Random(seed);
        Map<String, Long> live = new TreeMap<>();
        Map<String, Coefficient> weights = new HashMap<>();
        int next = 1;
        for (; next <= 3; next++) {
            Small.add(registry, folder, "s" + next, next);
            live.put("s" + next, (long) next);
            weights.put("s" + next, Coefficient.ONE);
        }
        SoupRow soup = registry.make(Small.follow("soup"));
        int adjusted = 0;
        int compared = 0;
        for (int step = 0; step < 14; step++) {
            switch (random.nextInt(3)) {
                case 0 -> {
                    Small.add(registry, folder, "s" + next, next);
                    live.put("s" + next, (long) next);
                    weights.put("s" + next, Coefficient.ONE);
                    next++;
                    soup = registry.update("soup");
                }
                case 1 -> {
                    if (live.size() < 3) {
                        continue;
                    }
                    String gone = List.copyOf(live.keySet()).get(random.nextInt(live.size()));
                    live.remove(gone);
                    soup =
                            registry.withdraw(WithdrawRequest.ofShards(List.of(gone), "test"))
                                    .made()
                                    .getLast();
                }
                default -> {
                    List<SoupPlan.Item> items = new ArrayList<>();
                    for (String s : live.keySet()) {
                        weights.put(s, Coefficient.parse("" + (1 + random.nextInt(3))));
                        items.add(new SoupPlan.Item(s, weights.get(s)));
                    }
                    soup = registry.make(new SoupPlan("soup", items, true, Optional.empty(), true));
                }
            }
            adjusted += made(soup).equals("adjusted") ? 1 : 0;
            List<SoupPlan.Item> items = new ArrayList<>();
            List.copyOf(live.keySet())
                    .reversed() // the order must not matter
                    .forEach(s -> items.add(new SoupPlan.Item(s, weights.get(s))));
            SoupRow afresh =
                    registry.make(
                            new SoupPlan("afresh" + step, items, false, Optional.empty(), false));
            assertThat(soup.checkpoint())
                    .as("seed %d, step %d: %s", seed, step, items)
                    .isEqualTo(afresh.checkpoint());
            compared++;
        }
        assertThat(compared).isGreaterThan(8);
        assertThat(adjusted).as("steps that used the kept sum").isGreaterThan(2);
    }

    @Test
    void everyTamperedThingIsNamed() throws Exception {
        for (int i = 1; i <= 4; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        registry.make(Small.follow("soup"));
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("s2"), "asked to"));
        assertThat(registry.check()).isEmpty();

        // a certificate's field
        JsonObject c = JsonValue.readObject(w.certificate());
        JsonObject withdrawn = Json.object(c, "withdrawn");
        Path forged = folder.resolve("forged.json");
        write(
                forged,
                Json.object(c)
                        .put("withdrawn", Json.object(withdrawn).put("reason", "another").build())
                        .build());
        assertThat(verify(forged, registry).wrong())
                .containsExactly("withdrawn: this section was changed after signing");
        write(
                forged,
                Json.object(c)
                        .put(
                                "digests",
                                Json.object(Json.object(c, "digests"))
                                        .put("withdrawn", "0".repeat(64))
                                        .build())
                        .build());
        assertThat(verify(forged, registry).wrong())
                .singleElement()
                .asString()
                .startsWith("signature:");

        // another's key
        Registry other = fresh("other");
        assertThat(
                        CertificateCheck.check(
                                        w.certificate(),
                                        other.publicKey(),
                                        registry.store().folder(),
                                        SoupOptions.DEFAULT)
                                .wrong())
                .singleElement()
                .asString()
                .startsWith("key:");
        Path key = registry.folder().resolve("registry.key");
        byte[] own = Files.readAllBytes(key);
        Files.write(key, Files.readAllBytes(other.folder().resolve("registry.key")));
        assertThatThrownBy(() -> Registry.open(registry.folder()))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("registry.key is not the secret half");
        Files.write(key, own);

        // a weights file: a tensor of an ingredient
        String checkpoint = registry.read(q -> q.ingredient("s3").orElseThrow().checkpoint());
        String object =
                registry.store().manifest(checkpoint).files().getFirst().pieces().stream()
                        .filter(p -> p.size() == 41 * 4)
                        .findFirst()
                        .orElseThrow()
                        .sha256();
        Path file =
                registry.store()
                        .folder()
                        .resolve("objects")
                        .resolve(object.substring(0, 2))
                        .resolve(object);
        byte[] good = Files.readAllBytes(file);
        flip(file);
        assertThat(registry.check())
                .singleElement()
                .satisfies(f ->
                        assertThat(f.sentence())
                                .contains(file.toString(), "altered", "ingredient s3"));
        assertThat(verify(w.certificate(), registry).wrong())
                .singleElement()
                .asString()
                .contains("soup@2", file.toString(), "altered");
        Files.delete(file);
        assertThat(registry.check()).singleElement().asString().contains("missing", "s3");
        Files.write(file, good);
        assertThat(registry.check()).isEmpty();

        // rows of the ledger and of its tables
        tamper(registry, "UPDATE shard SET licence = 'MIT' WHERE name = 's1'");
        assertThat(registry.check())
                .singleElement()
                .satisfies(f ->
                        assertThat(f.sentence())
                                .startsWith("table shard: row ")
                                .contains("differs"));
        assertThat(registry.repair().left()).isEmpty();
        tamper(registry, "DELETE FROM sample WHERE shard = 2");
        assertThat(registry.check())
                .hasSize(5)
                .allMatch(f -> f.sentence().startsWith("table sample: row 2/"));
        assertThat(registry.repair().left()).isEmpty();
        tamper(
                registry,
                "UPDATE entry SET body = replace(body, 'CC0-1.0', 'MIT-1.0') WHERE seq = 2");
        assertThat(registry.check())
                .extracting(Finding::sentence)
                .containsExactly(
                        "ledger entry 2 (shard): altered, its hash does not fit its content");
        tamper(
                registry,
                "UPDATE entry SET body = replace(body, 'MIT-1.0', 'CC0-1.0') WHERE seq = 2");
        assertThat(registry.check()).isEmpty();
        tamper(registry, "UPDATE entry SET signature = '00' WHERE seq = 3");
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> assertThat(f.sentence()).contains("entry 3", "not signed by"));
        tamper(registry, "DELETE FROM entry WHERE seq = 3");
        assertThat(registry.check())
                .extracting(Finding::sentence)
                .contains("ledger entry 3: missing");
    }

    static void write(Path file, JsonObject o) throws IOException {
        Files.writeString(file, Json.pretty(o));
    }

    static void flip(Path file) throws IOException {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            int b = f.read();
            f.seek(0);
            f.write(b ^ 1);
        }
    }

    Path objectOf(String ingredient, long bytes) {
        String id = registry.read(q -> q.ingredient(ingredient).orElseThrow().checkpoint());
        String hash =
                registry.store().manifest(id).files().getFirst().pieces().stream()
                        .filter(p -> p.size() == bytes)
                        .findFirst()
                        .orElseThrow()
                        .sha256();
        return registry.store()
                .folder()
                .resolve("objects")
                .resolve(hash.substring(0, 2))
                .resolve(hash);
    }

    @Test
    void whatCannotBeMadeAgainIsPutAsideUntilItsOwnerBringsIt() throws Exception {
        for (int i = 1; i <= 3; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        SoupRow soup = registry.make(Small.follow("soup"));
        Path object = objectOf("s2", 42 * 4);
        flip(object);
        byte[] damaged = Files.readAllBytes(object);
        flip(
                registry.store().manifest(soup.checkpoint()).files().getFirst().pieces().stream()
                        .filter(p -> p.size() == 42 * 4)
                        .map(p ->
                                object.getParent()
                                        .resolveSibling(p.sha256().substring(0, 2))
                                        .resolve(p.sha256()))
                        .findFirst()
                        .orElseThrow());
        Path aside = object.resolveSibling(object.getFileName() + ".damaged");

        Repair repair = registry.repair();
        assertThat(aside).hasBinaryContent(damaged);
        assertThat(object).doesNotExist();
        assertThat(repair.left())
                .anyMatch(f ->
                        f.sentence()
                                        .contains(
                                                "missing, what was damaged is kept as "
                                                        + aside.getFileName())
                                && f.sentence()
                                        .contains(
                                                "'soup fsck `repair` `original` PATH', with the"
                                                        + " weights as they were recorded, brings"
                                                        + " ingredient s2 back"));
        registry.collect(false, 0);
        assertThat(aside).as("nobody may have another copy").hasBinaryContent(damaged);

        Path other = Small.checkpoint(folder.resolve("other.safetensors"), 7);
        Path original = Small.checkpoint(folder.resolve("again.safetensors"), 2);
        assertThat(registry.repair(List.of(), List.of(other, original)).done())
                .anyMatch(s -> s.startsWith("took nothing from " + other))
                .anyMatch(s -> s.equals("brought ingredient s2 back from " + original))
                .anyMatch(s -> s.contains("byte for byte"));
        assertThat(registry.check()).isEmpty();
        assertThat(aside).doesNotExist();
        // Nothing was recorded: the ingredient counts once in whatever is made next.
        assertThat(registry.<Integer>read(q -> q.ingredients().size())).isEqualTo(3);
        assertThat(registry.store().has(idOf(other))).isFalse();
    }

    /** What a checkpoint would be called in the store. */
    private String idOf(Path checkpoint) {
        try (Staged s = registry.store().stage(checkpoint, List.of())) {
            return s.id();
        }
    }

    @Test
    void adviceAfterTheLastIngredientWasRetiredCanBeTyped() throws Exception {
        Small.add(registry, folder, "s1", 1);
        Small.add(registry, folder, "s2", 2);
        registry.make(Small.of("best", "s1", "s2"));
        registry.make(Small.follow("everyone"));
        List<SoupRow> soups = registry.retire("s1", "wrong").soups();
        assertThat(soups.stream().map(s -> registry.read(q -> Names.remake(q, s))))
                .containsExactlyInAnyOrder(
                        "'soup registry make best `from` s2'", "'soup update everyone'");
        soups = registry.retire("s2", "wrong").soups();
        assertThat(soups.stream().map(s -> registry.read(q -> Names.remake(q, s))))
                .hasSize(2)
                .allMatch(s -> s.contains("soup ingredient add") && !s.contains("…"));
        assertThatThrownBy(() -> registry.publish("everyone", "hub"))
                .hasMessageContaining("soup ingredient add")
                .hasMessageNotContaining("soup update");
        assertThatThrownBy(() -> registry.make(Small.of("more", "s7")))
                .hasMessageContaining("There is no ingredient 's7', and no other");
        registry.addShard(Small.shard("acme"));
        assertThatThrownBy(() -> registry.make(Small.of("more", "acme")))
                .hasMessageContaining("'acme' is a shard and no ingredient");
    }

    @Test
    void damagedBytesOfWhatIsWithdrawnGoAtOnce() throws Exception {
        for (int i = 1; i <= 3; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        registry.make(Small.follow("soup"));
        Path object = objectOf("s2", 42 * 4);
        flip(object);
        registry.repair();
        Path aside = object.resolveSibling(object.getFileName() + ".damaged");
        assertThat(aside).exists();
        registry.withdraw(WithdrawRequest.ofShards(List.of("s2"), "asked"));
        assertThat(aside).doesNotExist();
    }

    @Test
    void whatCanBeMadeAgainIsRepaired() throws Exception {
        for (int i = 1; i <= 3; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        SoupRow soup = registry.make(Small.follow("soup"));
        var manifest = registry.store().manifest(soup.checkpoint());
        for (var piece : manifest.files().getFirst().pieces()) {
            Path object =
                    registry.store()
                            .folder()
                            .resolve("objects")
                            .resolve(piece.sha256().substring(0, 2))
                            .resolve(piece.sha256());
            if (piece.size() == 42 * 4) {
                flip(object);
            }
            if (piece.size() == 40 * 4) {
                Files.delete(object);
            }
        }
        Path sum = registry.store().sum(soup.checkpoint()).resolve("weights.safetensors");
        flip(sum);
        assertThat(registry.check())
                .hasSize(3)
                .anyMatch(f -> f.sentence().matches(".*: altered.*\\(soup soup@1.*"))
                .anyMatch(f -> f.sentence().contains("missing (soup soup@1"))
                .anyMatch(f -> f.where().equals("sums"));
        Repair repair = registry.repair();
        assertThat(repair.done()).anyMatch(s -> s.contains("byte for byte"));
        assertThat(repair.left()).isEmpty();
    }

    @Test
    void samplesLeaveByTrainingTheirIngredientAgain() {
        for (int i = 1; i <= 3; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        SoupRow before = registry.make(Small.follow("soup"));
        String gone = Small.samples("s2", 5).get(3).sha256();
        List<WithdrawRequest.Retraining> asked = new ArrayList<>();
        Withdrawn w =
                registry.withdraw(
                        new WithdrawRequest(
                                List.of(),
                                Set.of(gone),
                                "a person asked",
                                false,
                                Optional.of(r -> {
                                    asked.add(r);
                                    try {
                                        Files.createDirectories(r.out().getParent());
                                    } catch (IOException e) {
                                        throw new java.io.UncheckedIOException(e);
                                    }
                                    Small.checkpoint(r.out(), 77);
                                    return new WithdrawRequest.Trained(
                                            Json.object().put("seed", 77).build(),
                                            Optional.of(new TrainedOn(3, "an abacus")));
                                }),
                                Optional.empty()));
        assertThat(asked).singleElement();
        assertThat(asked.getFirst().without()).containsExactly(gone);
        assertThat(asked.getFirst().out().getFileName().toString())
                .as("training is told by it")
                .startsWith(asked.getFirst().ingredient());
        assertThat(asked.getFirst().ingredient()).isEqualTo("s2");
        assertThat(asked.getFirst().data())
                .extracting(WithdrawRequest.Data::shard)
                .containsExactly("s2");
        long again = registry.read(q -> q.ingredient("s2").orElseThrow().id());
        JsonObject entry = registry.read(q -> q.entry(again)).body();
        assertThat(TrainedOn.of(entry)).contains(new TrainedOn(3, "an abacus"));
        assertThat(w.samples()).isEqualTo(1);
        assertThat(isWithdrawn("s2")).isFalse();

        Registry never = fresh("never");
        Small.base(never, folder);
        Small.add(never, folder, "s1", 1);
        Small.add(never, folder, "s2", 77);
        Small.add(never, folder, "s3", 3);
        assertThat(w.made().getFirst().checkpoint())
                .isEqualTo(never.make(Small.follow("soup")).checkpoint())
                .isNotEqualTo(before.checkpoint());
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
        assertThatThrownBy(() ->
                        registry.withdraw(
                                new WithdrawRequest(
                                        List.of(),
                                        Set.of(gone),
                                        "again",
                                        false,
                                        Optional.empty(),
                                        Optional.empty())))
                .hasMessageContaining("No live shard has a sample");
    }

    @Test
    void aSelectionThatSawTheDataIsKeptOnlyWhenSaidSo() {
        for (int i = 1; i <= 4; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        registry.make(
                new SoupPlan(
                        "greedy",
                        List.of(
                                new SoupPlan.Item("s1", Coefficient.ONE),
                                new SoupPlan.Item("s2", Coefficient.ONE)),
                        false,
                        Optional.of(
                                new SoupPlan.Selection(
                                        "greedy",
                                        List.of("s1", "s2", "s3"),
                                        Json.object().put("steps", 3).build())),
                        true));
        // s3 is not in the soup, but was looked at; s4 was not even looked at
        registry.withdraw(WithdrawRequest.ofShards(List.of("s4"), "r"));
        assertThat(version("greedy")).isEqualTo(1);
        assertThatThrownBy(() -> registry.withdraw(WithdrawRequest.ofShards(List.of("s3"), "r")))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("`keepSelection`");
        assertThat(isWithdrawn("s3")).isFalse();
        Withdrawn w =
                registry.withdraw(WithdrawRequest.ofShards(List.of("s3"), "r").keepingSelections());
        JsonObject c = JsonValue.readObject(w.certificate());
        assertThat(Json.string(Json.objects(c, "soups").getFirst(), "selection"))
                .startsWith("selected with the help of the withdrawn data");
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
    }

    /** A selection by greedy among {@code s1} to {@code s4}, that chose two. */
    private void chosen(String... members) {
        for (int i = 1; i <= 4; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        registry.make(
                new SoupPlan(
                        "greedy",
                        Stream.of(members).map(m -> new SoupPlan.Item(m, Coefficient.ONE)).toList(),
                        false,
                        Optional.of(
                                new SoupPlan.Selection(
                                        "greedy",
                                        List.of("s1", "s2", "s3", "s4"),
                                        Json.object().put("steps", 3).build())),
                        true));
    }

    private Withdrawn reselecting(String shard, WithdrawRequest.Reselector reselector) {
        return registry.withdraw(
                new WithdrawRequest(
                        List.of(shard),
                        Set.of(),
                        "r",
                        false,
                        Optional.empty(),
                        Optional.of(reselector)));
    }

    @Test
    void aSelectionIsRunAgainAmongWhatIsLeft() {
        chosen("s1", "s2");
        // Nobody knows how: refused, and nothing has happened.
        assertThatThrownBy(() -> reselecting("s2", what -> Optional.empty()))
                .hasMessageContaining("`keepSelection`");
        assertThat(isWithdrawn("s2")).isFalse();
        Withdrawn first =
                reselecting(
                        "s2",
                        what -> {
                            assertThat(what.soup()).isEqualTo("greedy@1");
                            assertThat(Json.string(what.selection(), "method")).isEqualTo("greedy");
                            assertThat(what.candidates()).containsOnlyKeys("s1", "s3", "s4");
                            what.candidates()
                                    .forEach((name, id) ->
                                            assertThat(
                                                            registry.store()
                                                                    .rebuild(
                                                                            id,
                                                                            what.work()
                                                                                    .resolve(name)))
                                                    .exists());
                            return Optional.of(
                                    new WithdrawRequest.Choice(
                                            List.of(
                                                    new SoupPlan.Item("s3", Coefficient.ONE),
                                                    new SoupPlan.Item("s4", Coefficient.ONE)),
                                            new SoupPlan.Selection(
                                                    "greedy",
                                                    List.copyOf(what.candidates().keySet()),
                                                    Json.object().put("steps", 1).build())));
                        });
        JsonObject certificate = JsonValue.readObject(first.certificate());
        JsonObject soup = Json.objects(certificate, "soups").getFirst();
        assertThat(Json.string(soup, "selection")).startsWith("chosen by a search that saw none");
        assertThat(Json.objects(soup, "ingredients").stream().map(i -> Json.string(i, "name")))
                .containsExactly("s3", "s4");
        assertThat(verify(first.certificate(), registry).wrong()).isEmpty();

        // What the journal names has to be left, and what it chose, too.
        assertThatThrownBy(() ->
                        reselecting(
                                "s4",
                                what ->
                                        Optional.of(
                                                new WithdrawRequest.Choice(
                                                        List.of(
                                                                new SoupPlan.Item(
                                                                        "s1", Coefficient.ONE)),
                                                        new SoupPlan.Selection(
                                                                "greedy",
                                                                List.of("s1", "s4"),
                                                                Json.object().build())))))
                .hasMessageContaining("looked at 's4'");
        registry.withdraw(WithdrawRequest.ofShards(List.of("s4"), "r").keepingSelections());

        // With one left there is nothing to search.
        Withdrawn last =
                reselecting(
                        "s1",
                        what -> {
                            throw new AssertionError("asked to search among " + what.candidates());
                        });
        assertThat(last.made())
                .singleElement()
                .satisfies(s -> assertThat(s.members()).singleElement());
        assertThat(reselecting("s3", what -> Optional.empty()).made()).isEmpty();
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void publicationsNeedWhatIsRequiredAndLeaveWithTheirSoup() {
        Small.add(registry, folder, "s1", 1);
        Small.add(registry, folder, "s2", 2);
        registry.make(Small.of("soup", "s1", "s2"));
        publish("review").fails("has no evaluation 'review'");
        registry.evaluate("soup", "review", false, Json.object().build());
        publish("review").fails("did not pass its last evaluation 'review'");
        registry.evaluate("soup", "review", true, Json.object().build());
        publish("review").passes();

        String gate = "audit(bound=0.05, pictures>=200)";
        publish(gate).fails("has no audit of shard s1 with at least 200 pictures");
        // An audit by hand says nothing of what it rests on, and one of two shards leaves one out.
        registry.evaluate("soup", "audit", true, Json.object().put("rate", "0.0").build());
        publish(gate).fails("has no audit of shard s1");
        audited("s1", 1, 200, true);
        publish(gate).fails("has no audit of shard s2");
        publish("audit(bound=0.05, pictures>=200, shards=s1)").passes();
        audited("s2", 0, 199, true);
        audited("s2", 0, 400, false);
        publish(gate).fails("has no audit of shard s2");
        audited("s2", 20, 200, true);
        publish(gate).fails("drew 20 near copies of shard s2 among 200 pictures");
        // Drawing again until it passes does not make the failed audit undone.
        audited("s2", 0, 200, true);
        publish(gate).fails("drew 20 near copies of shard s2 among 200 pictures");
        publish("audit(bound=0.2, pictures>=200)").passes();

        registry.publish(
                "soup",
                "hub",
                List.of(Requirement.parse(gate)),
                Optional.of(Overruling.parse("Ann Lee: the copies are of public icons")));
        JsonObject kept = registry.read(q -> q.last().orElseThrow()).body();
        assertThat(Json.string(kept, "by")).isEqualTo("Ann Lee");
        assertThat(Json.string(kept, "reason")).isEqualTo("the copies are of public icons");
        assertThat(Json.strings(kept, "required")).containsExactly(gate);
        assertThat(Json.strings(kept, "overruled").toString()).contains("20 near copies");
        assertThatThrownBy(() ->
                        registry.publish(
                                "soup",
                                "hub",
                                List.of(Requirement.parse("audit(bound=0.05, pictures>=300)")),
                                Optional.of(Overruling.parse("Ann: never measured"))))
                .hasMessageContaining("has no audit of shard s1");

        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("s1"), "r"));
        assertThat(w.publications()).isNotEmpty().allMatch(p -> p.place().equals("hub"));
        publish("review").fails("has no evaluation"); // that was of another version
        publish(gate).fails("has no audit of shard s2");
        assertThatThrownBy(() -> registry.publish("soup@1", "hub", List.of(), Optional.empty()))
                .hasMessageContaining("was withdrawn");
        assertThatThrownBy(() -> registry.make(Small.of("soup", "s1", "s2")))
                .hasMessageContaining("'s1' was withdrawn");
        assertThatThrownBy(() -> registry.addShard(Small.shard("s1")))
                .hasMessageContaining("There was a shard 's1'");
    }

    @Test
    void anAuditWhosePassingMeansLittleHandsNothingOut() {
        Small.add(registry, folder, "s1", 1);
        registry.make(Small.of("soup", "s1"));
        String gate = "audit(bound=0.05, pictures>=200)";
        audited("s1", false);
        publish(gate)
                .fails(
                        "has an audit of shard s1 whose passing means little (entry 5): by its"
                                + " reference, shifted, a near copy would have to be closer than"
                                + " 0.0004, where those pictures usually keep 0.08");
        // An audit of an earlier version does not say, and that is said.
        audited("s1", 0, 200, true);
        publish(gate).passes();
        assertThat(Json.strings(registry.read(q -> q.last().orElseThrow()).body(), "unstated"))
                .satisfiesExactly(
                        said ->
                                assertThat(said)
                                        .contains(
                                                "The audit of shard s1 (entry 6)",
                                                "neither its reference"),
                        said ->
                                assertThat(said)
                                        .contains(
                                                "Which texts ingredient 's1' (entry 3) was trained on is not",
                                                "audit of shard s1 (entry 6)"));
        audited("s1", true); // and states that its texts are the recorded ones
        publish(gate).passes();
        assertThat(registry.read(q -> q.last().orElseThrow()).body().get("unstated")).isEmpty();
    }

    @Test
    void anAuditWhosePassingMeansLittleIsOverruledByName() {
        Small.add(registry, folder, "s1", 1);
        registry.make(Small.of("soup", "s1"));
        audited("s1", false);
        registry.publish(
                "soup",
                "hub",
                List.of(Requirement.parse("audit(bound=0.05, pictures>=200)")),
                Optional.of(Overruling.parse("Ann: looked at all of them")));
        JsonObject kept = registry.read(q -> q.last().orElseThrow()).body();
        assertThat(Json.strings(kept, "overruled").toString()).contains("means little");
    }

    private void audited(String shard, boolean meaningful) {
        String now = registry.read(q -> Names.soup(q, "soup")).checkpoint();
        JsonObject facts =
                Json.object()
                        .put("shard", shard)
                        .put("texts", meaningful ? "recorded" : "unknown")
                        .put("own_sampling", true)
                        .put("checkpoint", now)
                        .put("near_copies", 0)
                        .put("pictures", 200)
                        .put("threshold", meaningful ? "0.02" : "0.0004")
                        .put(
                                "reference",
                                Json.object()
                                        .put("name", "shifted")
                                        .put("sha256", "0".repeat(64))
                                        .put("pictures", 40)
                                        .put("left_out", 0)
                                        .put("typical_distance", "0.08")
                                        .build())
                        .put("meaningful", meaningful)
                        .build();
        registry.evaluate("soup", "audit", true, facts);
    }

    /** Pictures of a shard that are asked for by other words than they were learnt by. */
    @Test
    void anAuditByOtherTextsThanWereLearntHandsNothingOut() {
        registry.addShard(Small.shard("s1"));
        trainedOn("one", "a", 5);
        registry.make(Small.of("soup", "one"));
        String gate = "audit(bound=0.05, pictures>=200)";
        drawn("b", 0, Optional.empty());
        publish(gate)
                .fails(
                        "has no audit of shard s1 by the texts that ingredient 'one' (entry 3) was"
                                + " trained on: entry 5 drew by others");
        // The same rows by their hash, which leaves names and styles out.
        drawn("a", 0, Optional.of("other"));
        publish(gate).fails("entry 6 drew by others");
        drawn("a", 0, Optional.empty());
        publish(gate).passes();
        drawn("b", 150, Optional.of("other"));
        publish(gate).fails("drew 150 near copies of shard s1"); // by whatever words

        // Two that were trained by different texts take an audit each.
        trainedOn("two", "b", 5);
        registry.make(Small.of("soup", "one", "two"));
        drawn("a", 0, Optional.of("recorded"));
        publish(gate).fails("that ingredient 'two'");
        drawn("b", 0, Optional.of("recorded"));
        publish(gate).passes();

        // One that was trained on a part, outside, does not tell which texts the whole has.
        trainedOn("part", "c", 2);
        registry.make(Small.of("soup", "part"));
        drawn("b", 0, Optional.empty());
        publish(gate).passes();
        assertThat(Json.strings(registry.read(q -> q.last().orElseThrow()).body(), "unstated"))
                .anyMatch(said -> said.contains("Which texts ingredient 'part'"));
        assertThat(registry.check()).isEmpty();
    }

    private void trainedOn(String name, String data, long rows) {
        registry.addIngredient(
                new NewIngredient(
                        name,
                        "base",
                        List.of("s1"),
                        Small.checkpoint(
                                folder.resolve(name + ".safetensors"), data.charAt(0) + 1000L),
                        Json.object()
                                .put("method", "fine-tune")
                                .objects(
                                        "shards",
                                        List.of(
                                                Json.object()
                                                        .put("name", "s1")
                                                        .put("rows", rows)
                                                        .put("sha256", data.repeat(64))
                                                        .build()))
                                .build(),
                        "test"));
    }

    private void drawn(String rows, long copies, Optional<String> texts) {
        String now = registry.read(q -> Names.soup(q, "soup")).checkpoint();
        Json.Builder facts =
                Json.object()
                        .put("shard", "s1")
                        .put("own_sampling", true)
                        .put("checkpoint", now)
                        .put("shard_sha256", rows.repeat(64))
                        .put("near_copies", copies)
                        .put("pictures", 200)
                        .put("meaningful", true);
        texts.ifPresent(t -> facts.put("texts", t));
        registry.evaluate("soup", "audit", true, facts.build());
    }

    @Test
    void whereASoupGoesAndWhatWasLookedAtAreSaid() {
        Small.add(registry, folder, "s1", 1);
        registry.make(Small.of("soup", "s1"));
        for (String blank : List.of("", "  ")) {
            assertThatThrownBy(() -> registry.publish("soup", blank, List.of(), Optional.empty()))
                    .hasMessageContaining("states a place");
            assertThatThrownBy(() -> registry.evaluate("soup", blank, true, Json.object().build()))
                    .hasMessageContaining("what was looked at");
        }
        long entry = registry.evaluate("soup", "review", true, Json.object().build());
        assertThatThrownBy(() -> registry.certificate(entry))
                .hasMessageContaining("is no withdrawal but an evaluation");
    }

    private void audited(String shard, long copies, long pictures, boolean ownSampling) {
        String now = registry.read(q -> Names.soup(q, "soup")).checkpoint();
        JsonObject facts =
                Json.object()
                        .put("shard", shard)
                        .put("own_sampling", ownSampling)
                        .put("checkpoint", now)
                        .put("near_copies", copies)
                        .put("pictures", pictures)
                        .build();
        registry.evaluate("soup", "audit", true, facts);
    }

    /** Handing the soup out under one requirement. */
    private record Publishing(Registry registry, String requirement) {
        void passes() {
            registry.publish(
                    "soup", "hub", List.of(Requirement.parse(requirement)), Optional.empty());
        }

        void fails(String why) {
            assertThatThrownBy(this::passes)
                    .isInstanceOf(RegistryException.class)
                    .hasMessageContaining(why);
        }
    }

    private Publishing publish(String requirement) {
        return new Publishing(registry, requirement);
    }

    private static final NewShard.Sample COPIED = picture("a", 0xff);
    private static final NewShard.Sample LEAVING = picture("b", 0xffffffff00000000L);
    private static final NewShard.Sample LIKE_IT = picture("c", 0xffffffff00000003L);
    private static final NewShard.Sample ALMOST = picture("d", 0xffffffff00000007L);
    private static final NewShard.Sample FAR = picture("e", 0x123456789abcdef0L);

    private static NewShard.Sample picture(String digit, long hash) {
        return new NewShard.Sample(digit.repeat(64), NewShard.Sample.fingerprint(hash));
    }

    private void twoShards(NewShard.Sample more) {
        registry.addShard(shard("a", List.of(COPIED, LEAVING)));
        assertThat(
                        registry.addShard(shard("b", List.of(COPIED, LIKE_IT, ALMOST, FAR, more)))
                                .copies())
                .singleElement()
                .satisfies(s -> assertThat(s.sha256()).isEqualTo("a".repeat(64)));
    }

    private static NewShard shard(String name, List<NewShard.Sample> pictures) {
        return new NewShard(name, "p", "l", "", Optional.empty(), "where " + name, pictures);
    }

    /** Sees that the third picture is like what leaves, and cannot read the fourth. */
    private static final Likeness LOOKS =
            new Likeness() {
                @Override
                public int maxBits() {
                    return 10;
                }

                @Override
                public String method() {
                    return "by looking";
                }

                @Override
                public List<Optional<Look>> look(List<Pair> pairs) {
                    return pairs.stream()
                            .map(p -> {
                                assertThat(p.one())
                                        .isEqualTo(new Picture("where a", "b".repeat(64)));
                                assertThat(p.other().source()).isEqualTo("where b");
                                return p.other().sha256().startsWith("d")
                                        ? Optional.<Look>empty()
                                        : Optional.of(
                                                new Look(
                                                        p.other().sha256().startsWith("c"),
                                                        0.012345,
                                                        java.util.OptionalDouble.of(0.05)));
                            })
                            .toList();
                }
            };

    @Test
    void copiesAndNearDuplicatesInOtherShardsAreListed() {
        twoShards(new NewShard.Sample("f".repeat(64), "00000000000000ff")); // of an earlier version
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("a"), "r").with(LOOKS));
        JsonObject c = JsonValue.readObject(w.certificate());
        assertThat(Json.objects(c, "remaining_copies"))
                .singleElement()
                .satisfies(o -> {
                    assertThat(Json.string(o, "shard")).isEqualTo("b");
                    assertThat(Json.strings(o, "sha256")).containsExactly("a".repeat(64));
                });
        assertThat(Json.objects(c, "near_duplicates"))
                .singleElement()
                .satisfies(o -> {
                    assertThat(Json.string(o, "withdrawn")).isEqualTo("b".repeat(64));
                    assertThat(Json.string(o, "like")).isEqualTo("c".repeat(64));
                    assertThat(Json.string(o, "shard")).isEqualTo("b");
                    assertThat(Json.number(o, "bits")).isEqualTo(2);
                    assertThat(Json.string(o, "difference")).isEqualTo("0.0123");
                    assertThat(Json.string(o, "distance")).isEqualTo("0.0500");
                });
        JsonObject measure = Json.object(c, "near_duplicates_measure");
        assertThat(Json.string(measure, "method")).isEqualTo("by looking");
        assertThat(Json.number(measure, "unread")).isEqualTo(1);
        assertThat(Json.number(measure, "unmeasured")).isEqualTo(1);
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
        // what was found stands in the ledger: the same certificate can be issued when nothing of
        // what was looked at is left
        JsonObject again = new Certificates(registry.context()).issue(w.entry());
        assertThat(Json.objects(again, "near_duplicates"))
                .isEqualTo(Json.objects(c, "near_duplicates"));
    }

    @Test
    void whereNobodyLooksTheCertificateSaysSoAndOneWithoutTheFieldStaysValid() throws IOException {
        twoShards(picture("f", 1));
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("a"), "r"));
        JsonObject c = JsonValue.readObject(w.certificate());
        assertThat(Json.objects(c, "near_duplicates")).isEmpty();
        assertThat(Json.string(Json.object(c, "near_duplicates_measure"), "method"))
                .isEqualTo("not looked for");
        // as earlier versions issued them
        TreeMap<String, JsonValue> sections = new TreeMap<>(c.fields());
        List.of("near_duplicates_measure", "digests", "key", "signature").forEach(sections::remove);
        JsonObject before =
                Seal.sign(
                        new JsonObject(new java.util.LinkedHashMap<>(sections)),
                        registry.context().key());
        Path file = Files.writeString(folder.resolve("before.json"), Json.canonical(before));
        assertThat(verify(file, registry).wrong()).isEmpty();
    }

    @Test
    void aShardThatExpiredIsNotUsedAndAClockThatJumpsDoesNoHarm() {
        LocalDate last = LocalDate.now(ZoneOffset.UTC).plusDays(1);
        registry.addShard(
                new NewShard(
                        "soon", "p", "l", "", Optional.of(last), "x", Small.samples("soon", 2)));
        Small.ingredient(registry, folder, "soon", 9);
        Registry later =
                Registry.open(
                        registry.folder(),
                        Clock.fixed(Instant.now().plusSeconds(3 * 86400), ZoneOffset.UTC));
        assertThat(registry.expired()).isEmpty();
        assertThat(later.expired()).containsExactly("soon");
        assertThatThrownBy(() -> later.make(Small.follow("soup"))).hasMessageContaining("expired");
        later.withdraw(WithdrawRequest.ofShards(later.expired(), "expired"));
        Registry back =
                Registry.open(
                        registry.folder(),
                        Clock.fixed(Instant.now().minusSeconds(86400L * 400), ZoneOffset.UTC));
        assertThatThrownBy(() -> back.addShard(Small.shard("s1")))
                .hasMessageContaining("Set the clock right");
        List<Entry> entries = registry.read(q -> q.entries());
        assertThat(entries).extracting(Entry::time).isSorted();
        assertThat(registry.check())
                .as("dated three days ahead of the clock")
                .singleElement()
                .satisfies(f -> assertThat(f.severity()).isEqualTo(Severity.NOTE));
    }

    @Test
    void sharedTensorsAreStoredOnceAndGarbageIsCollected() throws IOException {
        Small.add(registry, folder, "s1", 1);
        long one = objects();
        Small.add(registry, folder, "s2", 2);
        assertThat(objects() - one)
                .as("its own tensors; header, shared ones are there")
                .isEqualTo(3);
        try (var session = registry.store().open()) {
            registry.store().put(Small.checkpoint(folder.resolve("stray.safetensors"), 99));
        }
        long before = objects();
        assertThat(registry.collect(false, 3_600_000)).isZero();
        assertThat(objects()).isEqualTo(before);
        assertThat(registry.collect(false, 0)).isPositive();
        assertThat(objects()).isEqualTo(before - 3);
        assertThat(registry.check()).isEmpty();
    }

    private long objects() throws IOException {
        try (var all = Files.walk(registry.store().folder().resolve("objects"))) {
            return all.filter(Files::isRegularFile).count();
        }
    }
}
