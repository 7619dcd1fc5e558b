package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Names, metadata and paths with control characters reach no terminal and no drawing as they are.
 */
class HostileTextTest {
    private static final String HOSTILE =
            "x\u001b[2J\u001b]0;owned\u0007\r\nfake row\u202e\u009b31m";

    private static final String SEEN =
            "x\\u001b[2J\\u001b]0;owned\\u0007\\r\\nfake row\\u202e\\u009b31m";

    @TempDir private Path folder;

    private static void harmless(String shown) {
        assertThat(shown).doesNotContain("\u001b", "\u0007", "\r", "\u202e", "\u009b");
    }

    @Test
    void aFilesNamesAndMetadataAreShownOnTheirLine() {
        Path file = folder.resolve("m.safetensors");
        SafetensorsWriter.write(
                file,
                Map.of("title", HOSTILE, HOSTILE, "v"),
                List.of(TensorEntry.ofFloats(HOSTILE, new long[] {1}, 1)));
        String shown = Run.of("inspect", file, "--tensors").ok().out();
        harmless(shown);
        assertThat(shown).contains("  title: " + SEEN + "\n", "  " + SEEN + "  F32");
        assertThat(shown.lines()).noneMatch(l -> l.startsWith("fake row"));
        String json = Run.of("inspect", file, "--tensors", "--json").ok().out();
        harmless(json);

        Path other = folder.resolve("n.safetensors");
        SafetensorsWriter.write(
                other, Map.of(), List.of(TensorEntry.ofFloats("y", new long[] {1}, 1)));
        Run refused = Run.of("merge", file, other, "-o", folder.resolve("out"));
        harmless(refused.err());
        assertThat(refused.err()).contains(SEEN);
        assertThat(refused.err().lines()).noneMatch(l -> l.startsWith("fake row"));
    }

    @Test
    void pathsAndWordsOfTheCommandLineToo() throws Exception {
        Path named = Files.createDirectory(folder.resolve("d\u001b[31m\nfake row"));
        for (Run run :
                List.of(
                        Run.of("inspect", named.resolve("none")),
                        Run.of("make", named, "-o", folder.resolve("x")),
                        Run.of("diff", named, named),
                        Run.of("log", "--registry", named),
                        Run.of("generate", "--model", named, "--prompt", "x", "-o", "x.png"),
                        Run.of("inspect", "--\u001b[2J"),
                        Run.of("\u001b]0;x\u0007"))) {
            harmless(run.err());
            assertThat(run.status()).isNotZero();
            assertThat(run.err().lines()).noneMatch(l -> l.startsWith("fake row"));
        }
    }

    @Test
    void captionsInTablesStayInTheirCell() {
        StringWriter text = new StringWriter();
        TextTable table = new TextTable("caption");
        table.row(HOSTILE);
        Console console = new Console(new PrintWriter(text), new PrintWriter(text), false, false);
        console.result(
                "",
                out -> {
                    table.print(out);
                    out.printf("%s and %d%n", HOSTILE, 1);
                    out.println(HOSTILE);
                });
        console.note(HOSTILE);
        assertThat(text.toString())
                .isEqualTo(
                        "caption\n" + SEEN + "\n" + SEEN + " and 1\n" + SEEN + "\n" + SEEN + "\n");
    }

    @Test
    void drawingsAreXml() throws Exception {
        Path registry = folder.resolve("registry");
        Run.at(registry, "init").ok();
        Path tar = TinyTraining.shard(folder.resolve("s.tar"), 3, 8, "train");
        // half of a character, which UTF-8 has no bytes for, is not signed
        Run.at(registry, shard(tar, "p\ud83d")).fails(1, "half of a");
        Run.at(registry, shard(tar, "p<\u001b&\u202e\ud83d\ude00")).ok();
        Path svg = folder.resolve("l.svg");
        Run.at(registry, "lineage", "-o", svg).ok();
        String drawn = Files.readString(svg);
        harmless(drawn);
        DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(drawn.getBytes(StandardCharsets.UTF_8)));
        harmless(Run.at(registry, "lineage").ok().out());
        harmless(Run.at(registry, "log").ok().out());
        harmless(Run.at(registry, "show", "good").ok().out());
    }

    private static Object[] shard(Path tar, String provider) {
        return new Object[] {
            "shard", "add", "good", "--data", tar, "--provider", provider, "--licence", "CC0-1.0"
        };
    }

    @Test
    void whatSomebodyTypedIsRepeatedUpTo200Characters() {
        String word = "w".repeat(100_000);
        for (Run run :
                List.of(
                        Run.of(word),
                        Run.of("inspect", word),
                        Run.of("inspect", "a b ".repeat(1000)),
                        Run.of("score", "--judge", word, "--model", "m", "--prompt", "p"),
                        Run.of("make", "a", "-o", "b", "--weights", word))) {
            assertThat(run.status()).isNotZero();
            assertThat(run.err().length()).isLessThan(700);
        }
    }
}
