package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup data drawings} and {@code soup data build-drawings}. */
class DataDrawingsCommandTest {
    private static final Path COMMITTED = Path.of("..", "shards", "drawings");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir private Path folder;

    private Path in(String name) {
        return folder.resolve(name);
    }

    private RgbImage sheet(Object... more) throws IOException {
        Path out = in("s.png");
        Files.deleteIfExists(out);
        Object[] words = new Object[5 + more.length];
        System.arraycopy(new Object[] {"data", "drawings", COMMITTED, "-o", out}, 0, words, 0, 5);
        System.arraycopy(more, 0, words, 5, more.length);
        Run.of(words).ok();
        return PngCodec.decode(Files.readAllBytes(out), "sheet");
    }

    @Test
    void aSheetHasARowPerSubject() throws IOException {
        int one = sheet("--domain", "animals", "--tile", 32, "--first", 1).height();
        int three = sheet("--domain", "animals", "--tile", 32, "--first", 3).height();
        int all = sheet("--domain", "animals", "--tile", 32).height();
        int row = (three - one) / 2;
        assertThat(row).isBetween(32, 48);
        assertThat((all - one) / row).as("ten animals").isEqualTo(9);
        assertThat(sheet("--first", 1, "--tile", 32).height()).isEqualTo(one + 8 * row);
    }

    @Test
    void badFlagsWriteNothing() {
        Run.of("data", "drawings", COMMITTED).fails(2, "missing --out");
        Path out = in("s.png");
        Run.of("data", "drawings", COMMITTED, "-o", out, "--tile", 97).fails(2, "--tile", "96");
        Run.of("data", "drawings", COMMITTED, "-o", out, "--first", 0).fails(2, "--first");
        Run.of("data", "drawings", COMMITTED, "-o", out, "--domain", "toys")
                .fails(2, "--domain must be one of animals, ", "not toys");
        Run.of("data", "drawings", folder, "-o", out)
                .fails(1, "is not a folder of drawings: it holds no drawings.json");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void drawingsAreBuiltFromPackages() throws IOException {
        Path packages = packages();
        JsonNode built =
                json(
                        "build-drawings",
                        "--out",
                        in("d"),
                        "--packages",
                        packages,
                        "--no-openclipart");
        assertThat(built.path("rows").asInt()).isEqualTo(5);
        assertThat(built.path("subjects").asInt()).isEqualTo(1);
        assertThat(built.path("sha256").asText()).isEqualTo(Drawings.load(in("d")).sha256());
        Run.of("data", "build-drawings", "--out", in("d"), "--packages", packages)
                .fails(1, "exists already", "--force");
        Run.of("data", "build-drawings", "--out", in("e"), "--openclipart", folder)
                .fails(1, "does not exist; install the Debian package", "--no-openclipart");
        assertThat(in("e")).doesNotExist();
        JsonNode again =
                json(
                        "build-drawings",
                        "--out",
                        in("d"),
                        "--packages",
                        packages,
                        "--no-openclipart",
                        "--force");
        assertThat(again).isEqualTo(built);
        JsonNode shown = json("drawings", in("d"), "-o", in("s.png"));
        assertThat(shown.path("drawings").asInt()).isEqualTo(5);
    }

    private static JsonNode json(Object... words) throws IOException {
        Object[] all = new Object[words.length + 2];
        all[0] = "data";
        System.arraycopy(words, 0, all, 1, words.length);
        all[all.length - 1] = "--json";
        return MAPPER.readTree(Run.of(all).ok().out());
    }

    /** Every set drew an octopus: a square. */
    private Path packages() throws IOException {
        Path modules = in("node_modules");
        String path = "<path d='M1 1h9v9h-9z'/>";
        for (String set : List.of("noto", "fluent-emoji-flat", "twemoji")) {
            Path icons = Files.createDirectories(modules.resolve("@iconify-json").resolve(set));
            Files.writeString(
                    icons.resolve("icons.json"),
                    "{\"icons\": {\"o\": {\"body\": \"" + path + "\"}}}");
            Files.writeString(icons.resolve("chars.json"), "{\"1f419\": \"o\"}");
            Files.writeString(icons.resolve("package.json"), "{\"version\": \"1\"}");
        }
        Path openmoji = modules.resolve("openmoji");
        for (String colour : List.of("color", "black")) {
            Path svg = Files.createDirectories(openmoji.resolve(colour).resolve("svg"));
            Files.writeString(
                    svg.resolve("1F419.svg"),
                    "<svg xmlns='http://www.w3.org/2000/svg' width='16' height='16'>"
                            + path
                            + "</svg>");
        }
        Files.writeString(openmoji.resolve("package.json"), "{\"version\": \"1\"}");
        Files.writeString(openmoji.resolve("LICENSE.txt"), "share alike");
        return modules;
    }

    @Test
    void theCommittedDrawingsAreWhatTheDocumentsSay() throws IOException {
        String document = Files.readString(Path.of("..", "docs", "data.md"));
        JsonNode index = MAPPER.readTree(COMMITTED.resolve(Drawings.INDEX).toFile());
        Drawings drawings = Drawings.load(COMMITTED);
        assertThat(document)
                .contains(drawings.sha256())
                .contains(
                        "%d drawings of %d things"
                                .formatted(drawings.all().size(), index.path("subjects").asInt()));
        assertThat(index.path("providers").size()).isEqualTo(6);
        for (JsonNode provider : index.path("providers")) {
            String start =
                    "| `%s` | %s |"
                            .formatted(
                                    provider.path("name").asText(),
                                    provider.path("style").asText());
            String end =
                    "| %d | %d | %d |"
                            .formatted(
                                    provider.path("artists").asInt(),
                                    provider.path("subjects").asInt(),
                                    provider.path("rows").asInt());
            assertThat(document.lines())
                    .as(start)
                    .anyMatch(line -> line.startsWith(start) && line.endsWith(end));
        }
        assertThat(index.path("domains").size()).isEqualTo(9);
        for (JsonNode domain : index.path("domains")) {
            assertThat(document)
                    .contains(
                            "| %s | %d | %d |"
                                    .formatted(
                                            domain.path("name").asText(),
                                            domain.path("subjects").asInt(),
                                            domain.path("rows").asInt()));
        }
    }
}
