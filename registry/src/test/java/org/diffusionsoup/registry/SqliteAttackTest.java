package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.store.StoreException;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Attacks on a ledger in SQLite, and on files, which any ledger's registry has. */
class SqliteAttackTest extends AttackContract {
    @Override
    Optional<String> freshDatabase() {
        return Optional.empty();
    }

    @Override
    Connection connect(Registry r) throws Exception {
        return DriverManager.getConnection("jdbc:sqlite:" + r.folder().resolve("ledger.db"));
    }

    @Override
    List<String> trigger() {
        return List.of(
                "CREATE TRIGGER keep AFTER UPDATE OF withdrawn ON ingredient BEGIN"
                        + " UPDATE ingredient SET withdrawn = NULL WHERE id = NEW.id; END");
    }

    private Path store() {
        return registry.store().folder();
    }

    @Test
    void aLostLedgerIsNotReplacedByAnEmptyOne() throws Exception {
        Path ledger = registry.folder().resolve("ledger.db");
        Path aside = folder.resolve("aside.db");
        Files.move(ledger, aside);
        for (String rest : List.of("ledger.db-wal", "ledger.db-shm")) {
            Files.deleteIfExists(registry.folder().resolve(rest));
        }
        assertThatThrownBy(() -> Registry.open(registry.folder()))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("is gone")
                .hasMessageContaining("Nothing was changed");
        assertThatThrownBy(() -> registry.check()).hasMessageContaining("is gone");
        assertThatThrownBy(() -> registry.collect(true, 0)).hasMessageContaining("is gone");
        assertThat(ledger).doesNotExist();
        Files.createFile(ledger);
        assertThatThrownBy(() -> Registry.open(registry.folder()))
                .hasMessageContaining("There is no ledger in");
        Files.delete(ledger);
        Files.delete(registry.folder().resolve("registry.json"));
        Files.delete(registry.folder().resolve("registry.key"));
        assertThatThrownBy(() -> Registry.init(registry.folder(), Optional.empty()))
                .hasMessageContaining(
                        "registry.json is missing, though the folder holds a registry");
        // The ledger of another registry is not this one's either.
        Registry other = Registry.init(folder.resolve("other"), Optional.empty());
        Files.copy(
                other.folder().resolve("registry.json"),
                registry.folder().resolve("registry.json"));
        Files.copy(
                other.folder().resolve("registry.key"), registry.folder().resolve("registry.key"));
        Files.copy(
                other.folder().resolve("registry.pub"),
                registry.folder().resolve("registry.pub"),
                StandardCopyOption.REPLACE_EXISTING);
        Files.copy(other.folder().resolve("ledger.db"), ledger);
        assertThatThrownBy(() -> Registry.open(registry.folder()))
                .hasMessageContaining("belongs to");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void garbageIsNotCollectedThroughLinks() throws Exception {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Path objects = store().resolve("objects");
        String hash =
                IntStream.range(0, 256)
                        .mapToObj(i -> Hashes.sha256Hex(new byte[] {(byte) i}))
                        .filter(h -> !Files.exists(objects.resolve(h.substring(0, 2))))
                        .findFirst()
                        .orElseThrow();
        Path mine = Files.writeString(outside.resolve(hash), "mine");
        Path manifest = Files.writeString(outside.resolve(hash + ".json"), "mine");
        String prefix = hash.substring(0, 2);
        // A link where a folder of objects would be, one of another name, files of other names.
        Files.createSymbolicLink(objects.resolve(prefix), outside);
        Files.createSymbolicLink(objects.resolve("elsewhere"), outside);
        Path kept = Files.createDirectory(objects.resolve("notes")).resolve(hash);
        Files.writeString(kept, "mine");
        Files.createSymbolicLink(store().resolve("work").resolve("mine"), outside);
        Files.createSymbolicLink(store().resolve("sums").resolve(hash), outside);
        registry.collect(false, 0);
        assertThat(mine).hasContent("mine");
        assertThat(manifest).hasContent("mine");
        assertThat(kept).hasContent("mine");
        assertThat(registry.check())
                .anyMatch(f ->
                        f.severity() == Severity.ERROR
                                && f.sentence().contains("objects/" + prefix + " is a link"))
                .anyMatch(f ->
                        f.severity() == Severity.NOTE
                                && f.sentence().contains("objects/notes is not the store's"));
        Files.delete(objects.resolve(prefix));
        Files.delete(store().resolve("sums").resolve(hash));

        for (String part : List.of("objects", "manifests", "sums", "work")) {
            Path real = store().resolve(part);
            Path aside = folder.resolve("aside-" + part);
            Files.move(real, aside);
            Files.createSymbolicLink(real, outside);
            assertThatThrownBy(() -> registry.collect(false, 0))
                    .as(part)
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining(part + " is a link");
            assertThat(mine).hasContent("mine");
            assertThat(manifest).hasContent("mine");
            Files.delete(real);
            Files.move(aside, real);
        }
        assertThat(registry.check()).noneMatch(f -> f.severity() == Severity.ERROR);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void nothingIsWrittenThroughLinks() throws Exception {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Path real = store().resolve("objects");
        Files.move(real, folder.resolve("aside"));
        Files.createSymbolicLink(real, outside);
        assertThatThrownBy(() -> Small.add(registry, folder, "s9", 9))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("objects is a link");
        try (Stream<Path> all = Files.list(outside)) {
            assertThat(all).isEmpty();
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aSecretKeyThatOthersCanReadSignsNothing() throws Exception {
        Path key = registry.folder().resolve("registry.key");
        for (String mode : List.of("rw-r--r--", "rw--w----", "rw-----w-")) {
            Files.setPosixFilePermissions(key, PosixFilePermissions.fromString(mode));
            assertThatThrownBy(() -> Registry.open(registry.folder()))
                    .as(mode)
                    .hasMessageContaining("chmod 600")
                    .hasMessageContaining(mode);
            assertThat(Registry.openToRead(registry.folder()).check())
                    .singleElement()
                    .satisfies(f -> assertThat(f.severity()).isEqualTo(Severity.ERROR));
        }
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r-----"));
        Registry.open(registry.folder());
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> assertThat(f.severity()).isEqualTo(Severity.NOTE));
    }

    private static void pipe(Path file) throws IOException, InterruptedException {
        Files.deleteIfExists(file);
        Process p = new ProcessBuilder("mkfifo", file.toString()).inheritIO().start();
        assertThat(p.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(p.exitValue()).isZero();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aPipeInAFilesPlaceIsNamedAndNotWaitedFor() throws Exception {
        String checkpoint = registry.read(q -> q.ingredient("s1").orElseThrow().checkpoint());
        var piece = registry.store().manifest(checkpoint).files().getFirst().pieces().getLast();
        Path object =
                store().resolve("objects")
                        .resolve(piece.sha256().substring(0, 2))
                        .resolve(piece.sha256());
        pipe(object);
        pipe(store().resolve("manifests").resolve(registryCheckpoint("s2") + ".json"));
        pipe(store().resolve("sums").resolve(soup()).resolve("weights.safetensors"));
        Path certificate = folder.resolve("certificate.json");
        pipe(certificate);
        assertTimeoutPreemptively(
                Duration.ofSeconds(30),
                () -> {
                    assertThat(registry.check(List.of(certificate)))
                            .anyMatch(
                                    f -> f.sentence().contains(object + ": altered, it is no file"))
                            .anyMatch(f -> f.sentence().contains("was altered: it is no file"))
                            .anyMatch(f -> f.where().equals("sums"))
                            .anyMatch(
                                    f -> f.sentence().contains(certificate + " is no certificate"));
                    assertThatThrownBy(() ->
                                    registry.export(checkpoint, folder.resolve("out.safetensors")))
                            .hasMessageContaining("no file");
                });
        for (String name : List.of("registry.key", "registry.pub", "ledger.db")) {
            Path file = registry.folder().resolve(name);
            byte[] content = Files.readAllBytes(file);
            pipe(file);
            assertTimeoutPreemptively(
                    Duration.ofSeconds(30),
                    () ->
                            assertThatThrownBy(() -> Registry.open(registry.folder()))
                                    .isInstanceOf(SoupException.class)
                                    .hasMessageContaining(name));
            Files.delete(file);
            Files.write(file, content);
            if (name.equals("registry.key")) {
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
            }
        }
        Path pub = folder.resolve("pub");
        pipe(pub);
        assertTimeoutPreemptively(
                Duration.ofSeconds(30),
                () ->
                        assertThatThrownBy(() -> PublicKeyFile.read(pub))
                                .hasMessageContaining("is no PEM file"));
    }

    private String registryCheckpoint(String ingredient) {
        return registry.read(q -> q.ingredient(ingredient).orElseThrow().checkpoint());
    }

    private String soup() {
        return registry.read(q -> q.soup("soup").orElseThrow().checkpoint());
    }

    @Test
    void aFolderOfVeryManyFilesIsNoSum() throws Exception {
        Path sum = store().resolve("sums").resolve(soup());
        for (int i = 0; i < 3000; i++) {
            Files.createFile(sum.resolve("x" + i));
        }
        Path certificates = Files.createDirectories(registry.folder().resolve("certificates"));
        for (int i = 0; i < 3000; i++) {
            Files.createFile(certificates.resolve("withdrawal-" + i + ".json"));
        }
        List<Finding> found = registry.check();
        assertThat(found).anyMatch(f -> f.where().equals("sums"));
        assertThat(found).hasSizeLessThan(1100);
    }

    /** The catalogue says that an index has all rows, and it has not. */
    @Test
    void nothingIsSignedThroughAnIndexThatLeavesRowsOut() throws Exception {
        withdraw("s2");
        long newest = newest();
        String index;
        try (Connection c = connect(registry);
                Statement s = c.createStatement();
                ResultSet r =
                        s.executeQuery(
                                "SELECT sql FROM sqlite_master WHERE name = 'weight_hash'")) {
            assertThat(r.next()).isTrue();
            index = r.getString(1);
        }
        sql(
                "DROP INDEX weight_hash",
                index + " WHERE sha256 < '0'",
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_master SET sql = '" + index + "' WHERE name = 'weight_hash'");
        NewIngredient again =
                new NewIngredient(
                        "again",
                        "base",
                        List.of("s1"),
                        Small.checkpoint(folder.resolve("again.safetensors"), 2),
                        Json.object().build(),
                        "test");
        assertThatThrownBy(() -> registry.addIngredient(again))
                .hasMessageContaining("damaged or was altered")
                .hasMessageContaining("soup fsck `repair`");
        assertThat(newest()).isEqualTo(newest);
        assertThat(registry.repair().left()).isEmpty();
        assertThatThrownBy(() -> registry.addIngredient(again)).hasMessageContaining("withdrawn");
    }

    @Test
    void longNamesAreCut() {
        String name = "a b'".repeat(25_000);
        for (Runnable asked :
                List.<Runnable>of(
                        () -> registry.addShard(Small.shard(name)),
                        () -> registry.withdraw(WithdrawRequest.ofShards(List.of(name), "r")),
                        () -> registry.publish(name, "hub", List.of(), Optional.empty()),
                        () -> registry.update(name),
                        () -> registry.make(Small.of("x", name)))) {
            assertThatThrownBy(asked::run)
                    .isInstanceOf(SoupException.class)
                    .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(1200));
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void whatCannotBeWrittenIsReadWithoutASecretKey() throws Exception {
        registry.withdraw(WithdrawRequest.ofShards(List.of("s2"), "asked"));
        Files.delete(registry.folder().resolve("registry.key"));
        Path frozen = registry.folder();
        List<Path> all;
        try (Stream<Path> walk = Files.walk(frozen)) {
            all = walk.toList();
        }
        for (Path p : all) {
            Files.setPosixFilePermissions(
                    p,
                    PosixFilePermissions.fromString(
                            Files.isDirectory(p) ? "r-xr-xr-x" : "r--r--r--"));
        }
        try {
            assertThat(ReadOnlyWorker.run(frozen, folder.resolve("out"))).isEqualTo("done");
        } finally {
            for (Path p : all) {
                Files.setPosixFilePermissions(p, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        Registry again = Registry.openToRead(frozen);
        assertThat(again.check()).isEmpty();
        assertThatThrownBy(() -> again.addShard(Small.shard("s7")))
                .hasMessageContaining("for reading only");
    }

    @Test
    void aRegistryWithoutItsConfigurationSaysSoAndGetsItBack() throws Exception {
        Path config = registry.folder().resolve("registry.json");
        byte[] before = Files.readAllBytes(config);
        Files.delete(config);
        assertThatThrownBy(() -> Registry.open(registry.folder()))
                .hasMessageContaining(config + " is missing")
                .hasMessageContaining("soup fsck `repair`");
        assertThatThrownBy(() -> Registry.init(registry.folder(), Optional.empty()))
                .hasMessageContaining(config + " is missing");

        Path key = registry.folder().resolve("registry.pub");
        byte[] own = Files.readAllBytes(key);
        Registry other = Registry.init(folder.resolve("other"), Optional.empty());
        Files.copy(
                other.folder().resolve("registry.pub"), key, StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> Registry.restore(registry.folder()))
                .hasMessageContaining("cannot be written again");
        assertThat(config).doesNotExist();
        Files.write(key, own);

        assertThat(Registry.restore(registry.folder())).isPresent();
        assertThat(config).hasBinaryContent(before);
        assertThat(Registry.restore(registry.folder())).isEmpty();
        assertThat(Registry.open(registry.folder()).check()).isEmpty();
    }
}
