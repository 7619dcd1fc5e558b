package org.diffusionsoup.registry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatabaseTest {
    @TempDir private Path folder;

    @Test
    void aFullOrReadOnlyDiskIsCalledThat() throws Exception {
        Path file = folder.resolve("ledger.db");
        Ledger.create("jdbc:sqlite:" + file, SigningKey.generate().shown());
        try (Connection c = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement s = c.createStatement()) {
            s.execute("PRAGMA max_page_count = 1");
            assertThat(said(s, c)).contains(file.toString(), "the disk is full", "Make room");
        }
        try (Connection c = DriverManager.getConnection("jdbc:sqlite:file:" + file + "?mode=ro");
                Statement s = c.createStatement()) {
            assertThat(said(s, c)).contains("it is read-only");
        }
        Files.write(file, new byte[5000]);
        assertThatThrownBy(() -> Database.at("jdbc:sqlite:" + file).checkVersion(false))
                .hasMessageContaining("the file is damaged")
                .hasMessageNotContaining("flyway");
    }

    private static String said(Statement s, Connection c) {
        try {
            s.execute("CREATE TABLE big AS SELECT randomblob(1000000) AS b");
        } catch (SQLException e) {
            return String.valueOf(Database.failed(e, c).getMessage());
        }
        return "nothing";
    }
}
