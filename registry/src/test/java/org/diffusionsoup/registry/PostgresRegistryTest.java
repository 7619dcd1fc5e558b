package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The registry with its ledger on a PostgreSQL server that is started for the test. */
class PostgresRegistryTest extends ChoiceContract {
    private static @Nullable PostgresServer server;
    private final Map<String, String> urls = new ConcurrentHashMap<>();

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
        return Optional.of(java.util.Objects.requireNonNull(server).freshDatabase());
    }

    /** What they find does not depend on the database, and here they take twice as long. */
    @Override
    int games(int all) {
        return 1;
    }

    @Override
    Registry fresh(String name) {
        Registry r = super.fresh(name);
        urls.put(r.folder().toString(), r.context().place().url());
        return r;
    }

    @Override
    void tamper(Registry r, String sql) throws Exception {
        try (Connection c = DriverManager.getConnection(urls.get(r.folder().toString()));
                Statement s = c.createStatement()) {
            assertThat(s.executeUpdate(sql)).isPositive();
        }
    }
}
