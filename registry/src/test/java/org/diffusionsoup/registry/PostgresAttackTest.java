package org.diffusionsoup.registry;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.sql.Connection;
import java.sql.DriverManager;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Attacks on a ledger on a PostgreSQL server that is started for the test. */
class PostgresAttackTest extends AttackContract {
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

    @Override
    Connection connect(Registry r) throws Exception {
        return DriverManager.getConnection(r.context().place().url());
    }

    @Override
    List<String> trigger() {
        return List.of(
                "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
                        + " 'BEGIN NEW.withdrawn := NULL; RETURN NEW; END'",
                "CREATE TRIGGER keep BEFORE UPDATE OF withdrawn ON ingredient"
                        + " FOR EACH ROW EXECUTE FUNCTION keep()");
    }
}
