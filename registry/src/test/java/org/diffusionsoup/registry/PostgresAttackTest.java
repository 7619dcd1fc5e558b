package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.sql.DriverManager;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Queries;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Attacks on a ledger on a PostgreSQL server that is started for the test. */
class PostgresAttackTest extends AttackContract {
    /** Ends the connections that are kept: settings of a role hold from the next one on. */
    private static final String LEAVE =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    + " WHERE datname = current_database() AND pid <> pg_backend_pid()";

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

    @Test
    void aConnectionThatTheServerEndedIsMadeAnew() throws Exception {
        List<Entry> entries = registry.read(Queries::entries);
        sql(LEAVE);
        List<Entry> again = registry.read(Queries::entries);
        assertThat(again).isEqualTo(entries);
        registry.retire("s1", "to write, too");
        sql(LEAVE);
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void operatorsOfSomebodyElseAreNamedAndNotUsed() throws Exception {
        String path = "ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog";
        try {
            sql(path, LEAVE);
            assertThat(registry.check()).as("the settings of a role alone").isEmpty();
            sql(
                    "CREATE FUNCTION eq(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS"
                            + " 'SELECT false'",
                    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = eq)");
            assertThatThrownBy(() -> registry.read(Queries::shards))
                    .hasMessageContaining("has an operator = (text, text)")
                    .hasMessageContaining("'DROP OPERATOR = (text, text)' takes it out");
            assertThatThrownBy(() -> registry.retire("s1", "to see it refused"))
                    .hasMessageContaining("operator");
            sql("DROP OPERATOR public.= (text, text)", "DROP FUNCTION eq(text, text)");
            sql(
                    "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS"
                            + " 'SELECT null'");
            assertThatThrownBy(() -> registry.read(Queries::shards))
                    .hasMessageContaining("has a function lower(character varying)");
            sql("DROP FUNCTION public.lower(varchar)");
            assertThat(registry.check()).isEmpty();
        } finally {
            sql("ALTER ROLE CURRENT_USER RESET search_path", LEAVE);
        }
    }
}
