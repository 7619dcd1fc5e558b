package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Commands that were stopped, on a PostgreSQL server that is started for the test. */
class PostgresStoppedTest extends StoppedContract {
    private static @Nullable PostgresServer server;

    @BeforeAll
    static void start() throws Exception {
        server = PostgresServer.startOrSkip();
    }

    @AfterAll
    static void stop() throws Exception {
        if (server != null) {
            server.close();
        }
    }

    @Override
    Optional<String> freshDatabase() {
        return Optional.of(Objects.requireNonNull(server).freshDatabase());
    }

    @Test
    void aRoleThatMayOnlyReadIsToldWhoBringsOldTablesUpToDate() throws Exception {
        Optional<String> database = freshDatabase();
        String url = database.orElseThrow();
        Path at = folder.resolve("read");
        Registry.init(at, database);
        sql(
                url,
                "DROP TABLE registry",
                "DELETE FROM flyway_schema_history WHERE version = '3'",
                "CREATE ROLE reader LOGIN",
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader");
        String owners = Files.readString(at.resolve("registry.json"));
        String readers = owners.replace("user=soup", "user=reader");
        assertThat(readers).isNotEqualTo(owners);
        Files.writeString(at.resolve("registry.json"), readers);
        assertThatThrownBy(() -> Registry.openToRead(at))
                .hasMessageContaining("tables of an earlier version (2)")
                .hasMessageContaining("'soup log' once as the role that owns them")
                .hasMessageContaining("permission denied");
        Files.writeString(at.resolve("registry.json"), owners);
        Registry.openToRead(at);
        Files.writeString(at.resolve("registry.json"), readers);
        assertThatThrownBy(() -> Registry.openToRead(at).check())
                .hasMessageContaining("its role may not do that");
        sql(url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader");
        assertThat(Registry.openToRead(at).check()).isEmpty();
    }
}
