package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup data build-scenes} on the committed drawings. */
class BuildScenesCommandTest {
    private static final Path DRAWINGS = Path.of("..", "shards", "drawings");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir private Path folder;

    private Path build(String name, Object... more) {
        Path out = folder.resolve(name);
        Object[] words = new Object[6 + more.length];
        System.arraycopy(
                new Object[] {"data", "build-scenes", "--drawings", DRAWINGS, "-o", out},
                0,
                words,
                0,
                6);
        System.arraycopy(more, 0, words, 6, more.length);
        Run.of(words).ok();
        return out;
    }

    @Test
    void theSameOptionsGiveTheSameBytes() {
        Path first = build("a.tar", "--rows", 12, "--heldout", 4, "--seed", 3);
        assertThat(build("b.tar", "--rows", 12, "--heldout", 4, "--seed", 3))
                .hasSameBinaryContentAs(first);
        assertThat(Shard.open(build("c.tar", "--rows", 12, "--heldout", 4, "--seed", 4)).sha256())
                .isNotEqualTo(Shard.open(first).sha256());
    }

    @Test
    void rowsCarryTheTruth() throws IOException {
        Path tar =
                build(
                        "f.tar",
                        "--rows",
                        25,
                        "--heldout",
                        15,
                        "--domain",
                        "food",
                        "--provider",
                        "fluent");
        int train = 0;
        for (SampleInfo row : Shard.open(tar).infos()) {
            JsonNode truth = MAPPER.readTree(row.scene());
            assertThat(row.domain()).isEqualTo("food");
            assertThat(row.provider()).isEqualTo("fluent");
            assertThat(truth.path("style").asText()).isEqualTo("flat");
            assertThat(row.caption()).contains(truth.path("background").path("colour").asText());
            int things = 0;
            for (JsonNode group : truth.path("groups")) {
                things += group.path("count").asInt();
                assertThat(row.caption())
                        .contains(group.path("subject").asText().substring(0, 3))
                        .contains(group.path("colour").asText(""));
            }
            assertThat(truth.path("boxes")).hasSize(things);
            assertThat(truth.path("new").isEmpty()).isEqualTo(row.isTrain());
            train += row.isTrain() ? 1 : 0;
        }
        assertThat(train).isEqualTo(25);
        assertThat(Shard.open(tar).size()).isEqualTo(40);
    }

    @Test
    void wrongOptionsAreNamed() {
        Object[] start = {"data", "build-scenes", "--drawings", DRAWINGS, "-o"};
        Path out = folder.resolve("x.tar");
        Run.of(start[0], start[1], start[2], start[3], start[4], out, "--rows", 0, "--heldout", 0)
                .fails(2, "--rows and --heldout");
        Run.of(start[0], start[1], start[2], start[3], start[4], out, "--domain", "toys")
                .fails(2, "--domain must be of animals", "not toys");
        Run.of(start[0], start[1], start[2], start[3], start[4], out, "--subject", "octopus")
                .fails(2, "no model may ever learn from octopuses");
        assertThat(folder).isEmptyDirectory();
        Path unknown = build("o.tar", "--subject", "octopus", "--rows", 0, "--heldout", 2);
        assertThat(Shard.open(unknown).infos()).noneMatch(SampleInfo::isTrain);
    }
}
