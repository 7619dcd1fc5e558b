package org.diffusionsoup.registry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupIoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SigningKeyTest {
    @TempDir private Path folder;

    @Test
    void aKeyThatCannotBeWrittenLeavesNothing() throws Exception {
        Path secret = Files.createDirectory(folder.resolve("registry.key"));
        assertThatThrownBy(() -> SigningKey.generate().save(secret, folder.resolve("registry.pub")))
                .isInstanceOf(SoupIoException.class);
        assertThat(folder.toFile().list()).containsExactly("registry.key");
    }
}
