package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** The registry on SQLite. */
class SqliteRegistryTest extends ChoiceContract {
    @Override
    Optional<String> freshDatabase() {
        return Optional.empty();
    }

    @Override
    void tamper(Registry r, String sql) throws Exception {
        try (Connection c =
                        DriverManager.getConnection(
                                "jdbc:sqlite:" + r.folder().resolve("ledger.db"));
                Statement s = c.createStatement()) {
            assertThat(s.executeUpdate(sql)).isPositive();
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void theSecretKeyIsReadableByItsOwnerAlone() throws Exception {
        assertThat(
                        PosixFilePermissions.toString(
                                Files.getPosixFilePermissions(
                                        registry.folder().resolve("registry.key"))))
                .isEqualTo("rw-------");
    }

    @Test
    void aRegistryIsMadeOnceAndFoundWhereItIs() {
        assertThatThrownBy(() -> Registry.init(registry.folder(), Optional.empty()))
                .hasMessageContaining("holds a registry already");
        assertThatThrownBy(() -> Registry.open(folder.resolve("nowhere")))
                .hasMessageContaining("soup init");
        assertThatThrownBy(() ->
                        Registry.init(
                                folder.resolve("x"),
                                Optional.of("jdbc:postgresql://h/d?user=u&password=p")))
                .hasMessageContaining(".pgpass");
    }
}
