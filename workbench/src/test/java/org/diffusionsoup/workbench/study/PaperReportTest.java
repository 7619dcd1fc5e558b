package org.diffusionsoup.workbench.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Verdicts follow from scores alone; the page in docs/ is the one its results give. */
class PaperReportTest {
    @TempDir private Path dir;

    /** Scores of 40 prompts that spread by 0.1 around a mean. */
    private static List<Double> around(double mean) {
        List<Double> values = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            values.add(mean + 0.1 * Math.sin(i));
        }
        return values;
    }

    /** The same, where every other prompt goes the other way: a mean, and no certainty. */
    private static List<Double> torn(double mean) {
        List<Double> values = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            values.add(mean + (i % 2 == 0 ? 1 : -1));
        }
        return values;
    }

    private StudyFiles files(Map<String, List<Double>> models) {
        new StudyResults(
                        "s",
                        LocalDate.of(2026, 1, 2),
                        1,
                        Map.of("J", "a judge"),
                        Map.of("J", models))
                .write(dir.resolve("s.json"));
        return new StudyFiles(dir);
    }

    private static Claim.Verdict verdict(StudyFiles files, boolean above, String... others) {
        return new Claim.Compared("soup", above, List.of(others), List.of("J"), Optional.empty())
                .of(files, "s")
                .getFirst()
                .verdict();
    }

    @Test
    void aClaimAgreesDiffersOrCannotBeTold() {
        StudyFiles files =
                files(
                        Map.of(
                                "soup", around(0.5),
                                "low", around(0.4),
                                "high", around(0.6),
                                "torn", torn(0.45)));
        assertThat(verdict(files, true, "low")).isEqualTo(Claim.Verdict.AGREES);
        assertThat(verdict(files, true, "high")).isEqualTo(Claim.Verdict.DIFFERS);
        assertThat(verdict(files, false, "high")).isEqualTo(Claim.Verdict.AGREES);
        assertThat(verdict(files, true, "torn")).isEqualTo(Claim.Verdict.CANNOT_TELL);
        // About all of them: one that is higher is enough to differ.
        assertThat(verdict(files, true, "low", "high")).isEqualTo(Claim.Verdict.DIFFERS);
        assertThat(verdict(files, true, "low", "torn")).isEqualTo(Claim.Verdict.CANNOT_TELL);
    }

    @Test
    void theDifferenceShownIsModelLessOther() {
        StudyFiles files = files(Map.of("soup", around(0.5), "low", around(0.4)));
        Claim.Compared above =
                new Claim.Compared("soup", true, List.of("low"), List.of("J"), Optional.empty());
        assertThat(above.of(files, "s").getFirst().here()).startsWith("+0.100 [0.100, 0.100]");
        Claim.Compared below =
                new Claim.Compared("low", false, List.of("soup"), List.of("J"), Optional.empty());
        assertThat(below.of(files, "s").getFirst().here()).startsWith("-0.100 [-0.100, -0.100]");
    }

    @Test
    void aMarginMakesAClaimOfBeingLevel() {
        StudyFiles files = files(Map.of("soup", around(0.5), "bit", around(0.51)));
        Claim.Compared strict =
                new Claim.Compared("soup", true, List.of("bit"), List.of("J"), Optional.empty());
        assertThat(strict.of(files, "s").getFirst().verdict()).isEqualTo(Claim.Verdict.DIFFERS);
        Claim.Compared level =
                new Claim.Compared("soup", true, List.of("bit"), List.of("J"), Optional.of(0.02));
        assertThat(level.of(files, "s").getFirst().verdict()).isEqualTo(Claim.Verdict.AGREES);
    }

    @Test
    void aNumberIsHeldAgainstItsBound() throws IOException {
        Files.writeString(
                dir.resolve("n.json"),
                """
                {"a": [{"estimate": 0.5, "low": 0.4, "high": 0.6}], "b": 2}
                """);
        StudyFiles files = new StudyFiles(dir);
        assertThat(new Claim.Numeric("/a/0", true, 0.3).of(files, "n").getFirst().verdict())
                .isEqualTo(Claim.Verdict.AGREES);
        assertThat(new Claim.Numeric("/a/0", true, 0.5).of(files, "n").getFirst().verdict())
                .isEqualTo(Claim.Verdict.CANNOT_TELL);
        assertThat(new Claim.Numeric("/b", false, 1).of(files, "n").getFirst().verdict())
                .isEqualTo(Claim.Verdict.DIFFERS);
        assertThatThrownBy(() -> new Claim.Numeric("/c", true, 1).of(files, "n"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("no number at /c");
    }

    @Test
    void resultsAreReadAsTheyWereWritten() {
        files(Map.of("soup", List.of(0.25, 0.5)));
        StudyResults read = StudyResults.read(dir.resolve("s.json"));
        assertThat(read.scores()).isEqualTo(Map.of("J", Map.of("soup", List.of(0.25, 0.5))));
        assertThat(read.date()).isEqualTo(LocalDate.of(2026, 1, 2));
        assertThat(read.prompts()).isEqualTo(2);
    }

    @Test
    void thePageInDocsIsTheOneItsResultsGive() throws IOException {
        Path docs =
                Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolveSibling("docs");
        assertThat(new PaperReport(docs.resolve("results")).text())
                .as("soup study report docs/results -o docs/paper.md")
                .isEqualTo(Files.readString(docs.resolve("paper.md")));
    }

    /** A claim about a model that a study does not have would only show once it has run. */
    @Test
    void everyClaimCanBeLookedAtInTheResultsInDocs() {
        Path docs =
                Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolveSibling("docs");
        StudyFiles files = new StudyFiles(docs.resolve("results"));
        for (Claim claim : Claims.read()) {
            if (claim.check().isPresent() && files.has(claim.study().orElseThrow())) {
                assertThat(claim.check().get().of(files, claim.study().get()))
                        .as(claim.says())
                        .isNotEmpty();
            }
        }
    }
}
