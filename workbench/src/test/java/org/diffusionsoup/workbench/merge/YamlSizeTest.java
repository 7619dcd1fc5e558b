package org.diffusionsoup.workbench.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class YamlSizeTest {
    @TempDir private Path dir;

    @Test
    @Timeout(60)
    void aLongRecipeIsRead() throws IOException {
        StringBuilder text = new StringBuilder("inputs:\n");
        int inputs = 40_000;
        for (int i = 0; i < inputs; i++) {
            text.append("  model_number_")
                    .append(i)
                    .append(": models/of/a/long/search/")
                    .append(i)
                    .append(".safetensors\n");
        }
        text.append("merge:\n  mean:\n");
        for (int i = 0; i < inputs; i++) {
            text.append("    - {of: model_number_").append(i).append(", weight: 2}\n");
        }
        Path file = dir.resolve("long.yaml");
        Files.writeString(file, text);
        assertThat(Files.size(file)).isGreaterThan(3_500_000);
        assertThat(YamlRecipes.read(file).inputs()).hasSize(inputs);
    }

    /** A billion laughs: nine lines that stand for 10⁹ words. */
    @Test
    @Timeout(5)
    void aliasesAreRefused() throws IOException {
        StringBuilder text = new StringBuilder("a: &a [lol]\n");
        for (char c = 'b'; c < 'k'; c++) {
            text.append(c)
                    .append(": &")
                    .append(c)
                    .append(" [*")
                    .append(
                            String.join(
                                    ", *", java.util.Collections.nCopies(10, "" + (char) (c - 1))))
                    .append("]\n");
        }
        Path file = dir.resolve("laughs.yaml");
        Files.writeString(file, text);
        assertThatThrownBy(() -> YamlRecipes.read(file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("no aliases");
        assertThatThrownBy(() -> org.diffusionsoup.workbench.evaluate.EvaluationRecipes.read(file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("no aliases");
    }
}
