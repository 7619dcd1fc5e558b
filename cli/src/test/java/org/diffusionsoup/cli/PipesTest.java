package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.workbench.generate.Prompts;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A pipe in the place of a file is named, and nobody waits for somebody to write into it. */
@Timeout(60)
class PipesTest {
    @TempDir private Path folder;
    private Path pipe;

    @BeforeEach
    void aPipe() throws IOException, InterruptedException {
        pipe = folder.resolve("p.safetensors");
        assumeTrue(Files.exists(Path.of("/bin/sh")), "pipes as files");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "merge FILE PIPE -o OUT",
                "merge PIPE FILE -o OUT",
                "inspect PIPE",
                "verify PIPE",
                "lora inspect PIPE",
                "lora merge PIPE FILE -o OUT",
                "convert PIPE -o OUT",
                "adjust FILE --remove PIPE -o OUT",
                "adjust FILE --add PIPE=2 -o OUT",
                "cook PIPE -o OUT",
                "cook RECIPE -o OUT",
                "generate --model MODEL --prompt x --image PIPE -o PNG",
                "generate --model MODEL --prompt x --lora PIPE:0.5 -o PNG",
                "data inspect PIPE",
                "data import PIPE --provider me --licence MIT -o TAR"
            })
    void isNamed(String command) throws IOException {
        Path recipe = folder.resolve("recipe.yaml");
        Path file = Checkpoints.of(folder.resolve("a.safetensors"), 1, 1);
        Files.writeString(
                recipe,
                "inputs: {a: %s, b: %s}\nmerge:\n  add:\n    to: a\n    delta: {difference: {of: b, from: a}}\n"
                        .formatted(file, pipe));
        Object[] words =
                Stream.of(command.split(" "))
                        .map(word ->
                                word.replace("FILE", file.toString())
                                        .replace("PIPE", pipe.toString())
                                        .replace("RECIPE", recipe.toString())
                                        .replace("MODEL", TinyModels.sd15().toString())
                                        .replace(
                                                "OUT", folder.resolve("out.safetensors").toString())
                                        .replace("PNG", folder.resolve("out.png").toString())
                                        .replace("TAR", folder.resolve("out.tar").toString()))
                        .toArray();
        Run run = Run.of(words);
        assertThat(run.status()).as(run.err()).isNotZero();
        if (!command.contains("adjust FILE --add")) { // the kept sum is looked for first
            assertThat(run.err()).contains("p.safetensors is a pipe, not a file: write it to a");
        }
    }

    @Test
    void promptsAreReadFromOne() throws InterruptedException {
        Thread writer =
                Thread.ofVirtual()
                        .start(() -> {
                            try {
                                Files.writeString(pipe, "a cat\na dog\n");
                            } catch (IOException e) {
                                throw new java.io.UncheckedIOException(e);
                            }
                        });
        assertThat(Prompts.read(pipe)).isEqualTo(List.of("a cat", "a dog"));
        writer.join();
    }
}
