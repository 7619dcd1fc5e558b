package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.workbench.png.PngFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup study propositions}, with few samples. */
class StudyCommandTest {
    @TempDir private Path folder;

    @Test
    void samplingIsNearTheMeansWherePropositionsHoldAndTheGapIsWhereTheyDoNot() throws IOException {
        Path out = folder.resolve("p");
        Object[] args = {
            "study", "propositions", "-o", out, "--samples", 100, "--repeats", 2, "--json"
        };
        JsonNode json = new ObjectMapper().readTree(Run.of(args).ok().out());
        assertThat(json.path("cases")).hasSize(4);
        for (JsonNode c : json.path("cases")) {
            JsonNode arithmetic = c.path("arithmetic");
            double kl = arithmetic.path("kl").path("estimate").asDouble();
            double floor = arithmetic.path("klFloor").path("estimate").asDouble();
            assertThat(kl).as(c.path("name").asText()).isBetween(0.0, 2 * floor);
            double first = relative(c.path("gaps").get(0));
            assertThat(first).as("gap of %s at t = 0", c.path("name")).isLessThan(0.02);
        }
        JsonNode one = json.path("cases").get(0);
        for (JsonNode gap : one.path("gaps")) {
            assertThat(gap.path("gap").asDouble()).isLessThan(1e-5);
        }
        JsonNode shared = json.path("cases").get(2);
        double most = 0;
        for (JsonNode gap : shared.path("gaps")) {
            most = Math.max(most, relative(gap));
        }
        assertThat(most).isGreaterThan(0.2);

        String results = Files.readString(out.resolve("propositions.json"));
        assertThat(PngFiles.readText(out.resolve("densities.png"))).isNotEmpty();
        Run.of(args).ok();
        assertThat(Files.readString(out.resolve("propositions.json"))).isEqualTo(results);
        Run.of("study", "propositions", "-o", out, "--samples", 5).fails(1, "at least 100 samples");
        assertThat(Files.readString(out.resolve("propositions.json"))).isEqualTo(results);
    }

    private static double relative(JsonNode gap) {
        assertThat(gap.path("size").asDouble()).isPositive();
        return gap.path("gap").asDouble() / gap.path("size").asDouble();
    }
}
