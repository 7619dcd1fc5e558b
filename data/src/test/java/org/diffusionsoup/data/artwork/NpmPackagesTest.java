package org.diffusionsoup.data.artwork;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpmPackagesTest {
    @TempDir Path dir;

    @Test
    void npmThatIsNotThereIsSaid() {
        assertThatThrownBy(() ->
                        NpmPackages.fetch(
                                dir.resolve("c"), EmojiPackages.pinned(), "no-such-npm-command"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("install Node.js");
        assertThatThrownBy(
                        () -> NpmPackages.fetch(dir.resolve("c"), EmojiPackages.pinned(), "false"))
                .hasMessageContaining("npm ended with code 1");
        assertThatThrownBy(
                        () -> NpmPackages.fetch(dir.resolve("c"), EmojiPackages.pinned(), "true"))
                .hasMessageContaining("lacks packages");
    }
}
