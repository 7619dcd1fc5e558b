package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.ProjectFiles;
import org.diffusionsoup.image.png.PngFiles;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** {@code soup study}: propositions with few samples, plans and reports of the other studies. */
@ResourceLock(ProjectFiles.HOME)
class StudyCommandTest {
    @TempDir private Path folder;
    private String homeBefore = "";

    @BeforeEach
    void findProject() {
        homeBefore = System.getProperty(ProjectFiles.HOME, "");
        System.setProperty(ProjectFiles.HOME, Path.of("").toAbsolutePath().getParent().toString());
    }

    @AfterEach
    void restoreHome() {
        System.setProperty(ProjectFiles.HOME, homeBefore);
    }

    @Test
    void samplingIsNearTheMeansWherePropositionsHoldAndTheGapIsWhereTheyDoNot() throws IOException {
        Path out = folder.resolve("p");
        Object[] args = {
            "study",
            "propositions",
            "-o",
            out,
            "--samples",
            100,
            "--repeats",
            2,
            "--training-steps",
            3,
            "--json"
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

        for (JsonNode c : json.path("cases")) {
            assertThat(c.path("networks").findValuesAsText("by"))
                    .containsExactly(
                            "first network",
                            "second network",
                            "ensemble",
                            "soup",
                            "weighted ensemble",
                            "soup per sample",
                            "paragon");
            for (JsonNode row : c.path("networks")) {
                assertThat(row.at("/distances/kl/estimate").asDouble()).isBetween(0.0, 20.0);
                assertThat(row.at("/toExact/estimate").asDouble()).isPositive();
            }
        }
        assertThat(json.at("/training/0/baseSteps").asInt()).isEqualTo(12);
        assertThat(json.path("version").asText()).isEqualTo(SoupVersion.current());

        String results = Files.readString(out.resolve("propositions.json"));
        assertThat(PngFiles.readText(out.resolve("densities.png"))).isNotEmpty();
        Run.of(args).ok();
        assertThat(Files.readString(out.resolve("propositions.json"))).isEqualTo(results);
        Run.of("study", "propositions", "-o", out, "--samples", 5)
                .fails(2, "--samples must be at least 100");
        Run.of("study", "propositions", "-o", out, "--training-steps", -1)
                .fails(2, "--training-steps must be 0");
        assertThat(Files.readString(out.resolve("propositions.json"))).isEqualTo(results);
    }

    @Test
    void plansSayWhatStudiesWouldCost() throws IOException {
        JsonNode plans =
                new ObjectMapper()
                        .readTree(
                                Run.of(
                                                "study",
                                                "run",
                                                "table3",
                                                "fig7",
                                                "-o",
                                                folder,
                                                "--dry-run",
                                                "--json")
                                        .ok()
                                        .out());
        JsonNode table3 = plans.path("table3");
        assertThat(table3.path("trainings").asInt()).isEqualTo(3);
        assertThat(table3.path("pictures_trained").asLong()).isEqualTo(3 * 200 * 4);
        assertThat(table3.path("pictures_drawn").asLong()).isEqualTo(600);
        // Six models, one of them two denoisers at every step; guidance doubles the passes.
        assertThat(table3.path("passes").asLong()).isEqualTo(7L * 100 * 12 * 2 + 3 * 3 * 200 * 4);
        assertThat(plans.path("fig7").path("trainings").asInt()).isEqualTo(6);
        assertThat(folder).isEmptyDirectory();
        Run.of("study", "run", "table9", "-o", folder)
                .fails(2, "no study 'table9'; did you mean 'table1'?", "soup study run --help");
        Run.of("study", "run", "tabel1", "-o", folder)
                .fails(2, "no study 'tabel1'; did you mean 'table1'?");
        Run.of("study", "run", "fgi7-rates", "fig4", "-o", folder, "--dry-run")
                .fails(2, "no study 'fgi7-rates'; did you mean 'fig7-rates'?");
        Run.of("study", "run", "al", "-o", folder).fails(2, "did you mean 'all'?");
        Run.of("study", "run", "everything", "-o", folder)
                .fails(2, "no study 'everything'; there are table1, ", "fig7-rates", "and all.");
        Run.of("study", "run", "all", "tabel1", "-o", folder).fails(2, "did you mean 'table1'?");
    }

    @Test
    void plansCountWhatSearchesDraw() throws IOException {
        Object[] args = {
            "study", "run", "table4", "table3", "-o", folder, "--scale", "paper", "--dry-run"
        };
        assertThat(Run.of(args).ok().out())
                .contains("29.0 k to 30.0 k", "12.0 k  ")
                .contains("table4: 9,000 to 10.0 k of the pictures are of its 2 searches")
                .contains("score 18 to 20 candidates")
                .doesNotContain("table3:");
        Object[] json = Stream.concat(Stream.of(args), Stream.of("--json")).toArray();
        JsonNode plans = new ObjectMapper().readTree(Run.of(json).ok().out());
        JsonNode table4 = plans.path("table4");
        // Ten models, 2,000 prompts; two searches of five ingredients, 500 prompts of their own:
        // greedy scores 9 candidates, reverse greedy 9 to 11.
        assertThat(table4.path("searches").asInt()).isEqualTo(2);
        assertThat(table4.path("candidates_searched").asLong()).isEqualTo(9 + 11);
        assertThat(table4.path("candidates_searched_at_least").asLong()).isEqualTo(9 + 9);
        assertThat(table4.path("pictures_searched").asLong()).isEqualTo(20 * 500);
        assertThat(table4.path("pictures_searched_at_least").asLong()).isEqualTo(18 * 500);
        assertThat(table4.path("pictures_drawn").asLong()).isEqualTo(20_000 + 20 * 500);
        assertThat(table4.path("pictures_drawn_at_least").asLong()).isEqualTo(20_000 + 18 * 500);
        long training = 3L * 6 * 10_000 * 16;
        assertThat(table4.path("passes").asLong()).isEqualTo(training + 30_000L * 50 * 2);
        assertThat(table4.path("passes_at_least").asLong()).isEqualTo(training + 29_000L * 50 * 2);
        JsonNode table3 = plans.path("table3");
        assertThat(table3.path("searches").asInt()).isZero();
        assertThat(table3.path("pictures_drawn_at_least")).isEqualTo(table3.path("pictures_drawn"));
        assertThat(table3.path("pictures_searched").asLong()).isZero();
    }

    @Test
    void thePlanOfThePapersOwnScaleNeedsNoFiles() {
        assertThat(
                        Run.of("study", "run", "all", "-o", folder, "--scale", "paper", "--dry-run")
                                .ok()
                                .out())
                .contains("table1", "fig9", "?")
                .contains("stable-diffusion-2-1-base is not there; put it there");
    }

    @Test
    void theReportReplacesNothingButItself() throws IOException {
        Path results = Path.of("../docs/results");
        Path page = folder.resolve("p.md");
        Files.writeString(page, "# Mine\n");
        Run.of("study", "report", results, "-o", page).fails(1, "p.md");
        Files.delete(page);
        Run.of("study", "report", results, "-o", page).ok();
        assertThat(Files.readString(page)).contains("| Abstract, Table 1 |");
        Run.of("study", "report", results, "-o", page).ok();
        Run.of("study", "report", folder, "-o", folder.resolve("q.md"))
                .fails(1, "holds no results of studies", "soup study run");
        Run.of("study", "report", folder.resolve("none"), "-o", folder.resolve("q.md"))
                .fails(1, "holds no results of studies");
        assertThat(folder.resolve("q.md")).doesNotExist();
    }

    private static double relative(JsonNode gap) {
        assertThat(gap.path("size").asDouble()).isPositive();
        return gap.path("gap").asDouble() / gap.path("size").asDouble();
    }
}
