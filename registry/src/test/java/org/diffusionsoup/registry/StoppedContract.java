package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.registry.arrival.AddedShard;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left where a command was killed goes on, on whatever database; see {@link CrashTest}. */
abstract class StoppedContract {
    @TempDir Path folder;

    /** A new, empty database; empty for SQLite in the registry's folder. */
    abstract Optional<String> freshDatabase();

    private static String url(Path registry, Optional<String> database) {
        return database.orElse("jdbc:sqlite:" + registry.resolve("ledger.db"));
    }

    static void sql(String url, String... statements) throws Exception {
        try (Connection c = DriverManager.getConnection(url);
                Statement s = c.createStatement()) {
            for (String sql : statements) {
                s.execute(sql);
            }
        }
    }

    private static void delete(Path root) throws IOException {
        if (Files.exists(root)) {
            try (Stream<Path> all = Files.walk(root)) {
                for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.delete(p);
                }
            }
        }
    }

    /** The ways in which the making of a registry was stopped, in this version and earlier ones. */
    private enum Stopped {
        KEY,
        KEYS,
        CONFIG,
        LEDGER,
        LEDGER_AND_CONFIG,
        TABLES_OF_VERSION_1,
        STORE
    }

    private Path stopped(Stopped how, Optional<String> database) throws Exception {
        Path at = folder.resolve(how.name());
        Registry.init(at, database);
        String url = url(at, database);
        if (how != Stopped.STORE) {
            delete(at.resolve("store"));
        } else {
            Files.delete(at.resolve("store/registry.json"));
        }
        switch (how) {
            case KEY, KEYS, CONFIG -> {
                if (database.isPresent()) {
                    sql(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public");
                } else {
                    for (String end : List.of("", "-wal", "-shm")) {
                        Files.deleteIfExists(at.resolve("ledger.db" + end));
                    }
                }
            }
            case TABLES_OF_VERSION_1 ->
                    sql(
                            url,
                            "DROP TABLE registry",
                            "DROP TABLE weight",
                            "ALTER TABLE base DROP COLUMN withdrawn",
                            "DELETE FROM flyway_schema_history WHERE version <> '1'");
            case LEDGER, LEDGER_AND_CONFIG, STORE -> {
                // it is there
            }
        }
        if (how == Stopped.KEY) {
            Files.delete(at.resolve("registry.pub"));
        }
        if (how == Stopped.KEY
                || how == Stopped.KEYS
                || how == Stopped.LEDGER
                || how == Stopped.TABLES_OF_VERSION_1) {
            Files.delete(at.resolve("registry.json"));
        }
        return at;
    }

    @Test
    void anInitThatWasStoppedGoesOn() throws Exception {
        for (Stopped how : Stopped.values()) {
            Optional<String> database = freshDatabase();
            Path at = stopped(how, database);
            byte[] key = Files.readAllBytes(at.resolve("registry.key"));
            if (how != Stopped.LEDGER_AND_CONFIG && how != Stopped.STORE) {
                assertThatThrownBy(() -> Registry.openToRead(at))
                        .as("%s", how)
                        .hasMessageContaining("'soup init' was stopped");
            }
            Registry again = Registry.init(at, database);
            assertThat(Files.readAllBytes(at.resolve("registry.key"))).as("%s", how).isEqualTo(key);
            again.addShard(Small.shard("a"));
            assertThat(Registry.open(at).check()).as("%s", how).isEmpty();
            assertThatThrownBy(() -> Registry.init(at, database))
                    .hasMessageContaining("holds a registry already");
        }
    }

    @Test
    void whatWasUsedIsNotBegunAnew() throws Exception {
        Optional<String> database = freshDatabase();
        Path at = folder.resolve("used");
        Registry.init(at, database).addShard(Small.shard("a"));
        byte[] key = Files.readAllBytes(at.resolve("registry.key"));
        // Without its store, a ledger with entries still says that there is a registry.
        Path aside = folder.resolve("aside");
        Files.move(at.resolve("store"), aside);
        assertThatThrownBy(() -> Registry.init(at, database))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("holds a registry already");
        Files.move(aside, at.resolve("store"));
        // A ledger that is gone is lost where the store knows of it.
        if (database.isPresent()) {
            sql(database.get(), "DROP SCHEMA public CASCADE", "CREATE SCHEMA public");
        } else {
            Files.delete(at.resolve("ledger.db"));
        }
        assertThatThrownBy(() -> Registry.openToRead(at)).hasMessageContaining("from a backup");
        assertThatThrownBy(() -> Registry.open(at)).hasMessageContaining("from a backup");
        assertThatThrownBy(() -> Registry.init(at, database))
                .hasMessageContaining("holds a registry already");
        assertThat(Files.readAllBytes(at.resolve("registry.key"))).isEqualTo(key);
    }

    @Test
    void shardsThatBelongTogetherAreRecordedTogether() {
        Registry r = Registry.init(folder.resolve("r"), freshDatabase());
        r.addShard(Small.shard("b"));
        assertThatThrownBy(() ->
                        r.addShards(
                                List.of(
                                        Small.shard("a"),
                                        Small.shard("b").with(Small.samples("other", 5)))))
                .hasMessageContaining("There is a shard 'b'");
        assertThat(r.<Boolean>read(q -> q.shard("a").isPresent())).isFalse();
        List<AddedShard> added = r.addShards(List.of(Small.shard("a"), Small.shard("b")));
        assertThat(added).extracting(a -> a.shard().id()).containsExactly(2L, 1L);
        assertThat(r.addShards(List.of(Small.shard("a"), Small.shard("b")))).isEqualTo(added);
        assertThat(r.<Integer>read(q -> q.entries().size())).isEqualTo(2);
        assertThat(r.check()).isEmpty();
    }

    /** On SQLite the ledger lies in the folder, so what is brought there is a copy. */
    @Test
    void anEmptyLedgerOfAnotherRegistryIsRefused() throws Exception {
        Optional<String> database = freshDatabase();
        Path mine = folder.resolve("mine");
        Registry.init(mine, database);
        Path other = folder.resolve("other");
        if (database.isPresent()) {
            assertThatThrownBy(() -> Registry.init(other, database))
                    .hasMessageContaining("holds the ledger of another registry");
            assertThat(other).doesNotExist();
            Registry.init(other, freshDatabase());
            Files.writeString(
                    other.resolve("registry.json"),
                    Files.readString(other.resolve("registry.json"))
                            .replaceAll(
                                    "\"jdbc:[^\"]*\"",
                                    java.util.regex.Matcher.quoteReplacement(
                                            "\"" + database.get() + "\"")));
        } else {
            Registry.init(other, database);
            for (String end : List.of("", "-wal", "-shm")) {
                Files.deleteIfExists(other.resolve("ledger.db" + end));
            }
            Files.copy(mine.resolve("ledger.db"), other.resolve("ledger.db"));
        }
        String key = PublicKeyFile.read(mine.resolve("registry.pub")).id();
        assertThatThrownBy(() -> Registry.open(other)).hasMessageContaining(key);
        assertThat(Registry.openToRead(other).check())
                .extracting(Finding::sentence)
                .anyMatch(s -> s.contains(key));
        Registry r = Registry.open(mine);
        r.addShard(Small.shard("a"));
        assertThat(r.check()).isEmpty();
    }

    @Test
    void aLedgerOfAnEarlierVersionBecomesThatOfWhoeverOpensIt() throws Exception {
        Optional<String> database = freshDatabase();
        Path at = folder.resolve("old");
        Registry.init(at, database);
        sql(
                url(at, database),
                "DROP TABLE registry",
                "DELETE FROM flyway_schema_history WHERE version = '3'");
        assertThat(Registry.openToRead(at).check()).isEmpty();
        Registry r = Registry.open(at);
        assertThat(madeFor(r)).contains(r.publicKey().id());
        // The tables made anew still say it.
        sql(url(at, database), "CREATE INDEX mine ON shard (name)");
        assertThat(Registry.openToRead(at).repair().left()).isEmpty();
        assertThat(madeFor(Registry.openToRead(at))).contains(r.publicKey().id());
    }

    private static Optional<String> madeFor(Registry r) {
        return r.read(Queries::madeFor);
    }
}
