package org.diffusionsoup.registry;

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
}
