package org.diffusionsoup.registry;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Commands that were stopped, on a PostgreSQL server that is started for the test. */
class PostgresStoppedTest extends StoppedContract {
    private static @Nullable PostgresServer server;

    @BeforeAll
    static void start() throws Exception {
        Optional<PostgresServer> started = PostgresServer.start();
        assumeTrue(
                started.isPresent(),
                "skipped: no PostgreSQL server found under /usr/lib/postgresql, or none that starts");
        server = started.get();
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
}
