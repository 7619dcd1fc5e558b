package org.diffusionsoup.workbench.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;
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
        return compared("soup", above, Optional.empty(), others)
                .of(files, "s")
                .getFirst()
                .verdict();
    }

    private static Claim.Compared compared(
            String model, boolean above, Optional<Double> margin, String... others) {
        return new Claim.Compared(
                List.of(model), above, List.of(others), false, List.of("J"), margin);
    }

    private static Claim.Numeric number(String pointer, boolean above, double bound) {
        return new Claim.Numeric(
                new LinkedHashMap<>(Map.of("", pointer)), above, bound, Optional.empty(), "");
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
        Claim.Compared above = compared("soup", true, Optional.empty(), "low");
        assertThat(above.compared()).isEqualTo("soup − low");
        assertThat(above.of(files, "s").getFirst().here()).isEqualTo("+0.100 [0.100, 0.100]");
        Claim.Compared below = compared("low", false, Optional.empty(), "soup");
        assertThat(below.of(files, "s").getFirst().here()).isEqualTo("-0.100 [-0.100, -0.100]");
    }

    /** A claim about several models is about each of them; the one shown speaks most against it. */
    @Test
    void ofSeveralTheOneThatSpeaksLeastForTheClaimIsShown() {
        StudyFiles files = files(Map.of("a", around(0.5), "b", around(0.3), "base", around(0.4)));
        Claim.Compared each =
                new Claim.Compared(
                        List.of("a", "b"),
                        true,
                        List.of("base"),
                        false,
                        List.of("J"),
                        Optional.empty());
        assertThat(each.compared()).isEqualTo("each of 2 − base");
        Claim.Finding finding = each.of(files, "s").getFirst();
        assertThat(finding.here()).isEqualTo("-0.100 [-0.100, -0.100] (b)");
        assertThat(finding.verdict()).isEqualTo(Claim.Verdict.DIFFERS);
        assertThat(compared("base", false, Optional.empty(), "a", "b").of(files, "s"))
                .extracting(Claim.Finding::here)
                .containsExactly("+0.100 [0.100, 0.100] (b)");
    }

    @Test
    void aPeakIsTheHighestMean() {
        StudyFiles files =
                files(Map.of("end", around(0.4), "first", around(0.6), "second", around(0.3)));
        Claim.Compared drop =
                new Claim.Compared(
                        List.of("end"),
                        false,
                        List.of("first", "second"),
                        true,
                        List.of("J"),
                        Optional.empty());
        assertThat(drop.compared()).isEqualTo("end − the peak of 2");
        Claim.Finding finding = drop.of(files, "s").getFirst();
        assertThat(finding.here()).isEqualTo("-0.200 [-0.200, -0.200] (first)");
        assertThat(finding.verdict()).isEqualTo(Claim.Verdict.AGREES);
    }

    @Test
    void aMarginMakesAClaimOfBeingLevel() {
        StudyFiles files = files(Map.of("soup", around(0.5), "bit", around(0.51)));
        assertThat(verdict(files, true, "bit")).isEqualTo(Claim.Verdict.DIFFERS);
        Claim.Compared level = compared("soup", true, Optional.of(0.02), "bit");
        assertThat(level.of(files, "s").getFirst().verdict()).isEqualTo(Claim.Verdict.AGREES);
    }

    @Test
    void aNumberIsHeldAgainstItsBound() throws IOException {
        Files.writeString(
                dir.resolve("n.json"),
                """
                {"a": [{"estimate": 0.5, "low": 0.4, "high": 0.6}], "b": 2, "floor": 1.8}
                """);
        StudyFiles files = new StudyFiles(dir);
        assertThat(number("/a/0", true, 0.3).of(files, "n").getFirst().verdict())
                .isEqualTo(Claim.Verdict.AGREES);
        assertThat(number("/a/0", true, 0.5).of(files, "n").getFirst().verdict())
                .isEqualTo(Claim.Verdict.CANNOT_TELL);
        assertThat(number("/b", false, 1).of(files, "n").getFirst().verdict())
                .isEqualTo(Claim.Verdict.DIFFERS);
        assertThat(
                        number("/b", false, Double.POSITIVE_INFINITY)
                                .of(files, "n")
                                .getFirst()
                                .verdict())
                .isEqualTo(Claim.Verdict.AGREES);
        Claim.Finding less =
                new Claim.Numeric(
                                new LinkedHashMap<>(Map.of("two", "/b")),
                                false,
                                0.25,
                                Optional.of("floor"),
                                "at least")
                        .of(files, "n")
                        .getFirst();
        assertThat(less)
                .isEqualTo(new Claim.Finding("two", "2.000; at least 1.800", Claim.Verdict.AGREES));
        assertThatThrownBy(() -> number("/c", true, 1).of(files, "n"))
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

    private static final Path DOCS =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolveSibling("docs");

    private static final Pattern DIFFERENCE =
            Pattern.compile("(.+?) ([+-][0-9.]+) \\[(-?[0-9.]+), (-?[0-9.]+)](?: \\((.+)\\))?");

    private static List<String[]> rows() throws IOException {
        return Files.readAllLines(DOCS.resolve("paper.md")).stream()
                .dropWhile(line -> !line.startsWith("| where"))
                .skip(2)
                .takeWhile(line -> line.startsWith("|"))
                .map(line -> line.substring(2, line.length() - 2).split(" \\| ", -1))
                .toList();
    }

    private static double mean(String study, String judge, String model) throws IOException {
        JsonNode scores =
                JsonMappers.PLAIN
                        .readTree(DOCS.resolve("results").resolve(study + ".json").toFile())
                        .path("judges")
                        .path(judge)
                        .path("models")
                        .path(model);
        assertThat(scores.size()).as(study + ", " + judge + ", " + model).isPositive();
        double sum = 0;
        for (JsonNode s : scores) {
            sum += s.asDouble();
        }
        return sum / scores.size();
    }

    /**
     * The page says whose mean is taken off whose; by the results themselves the difference has
     * that sign and size, and a verdict on it is one of the interval beside it.
     */
    @Test
    void everyDifferenceOnThePageIsTheFirstModelsMeanLessTheOthers() throws IOException {
        int looked = 0;
        for (String[] row : rows()) {
            List<String> here = List.of(row[3].split("<br>"));
            String[] pair = here.getFirst().split(" − ");
            if (pair.length != 2) {
                continue; // numbers, or no result
            }
            String study = row[3].substring(row[3].lastIndexOf('(') + 1, row[3].length() - 1);
            for (String line : here.subList(1, here.size())) {
                Matcher m = DIFFERENCE.matcher(line.replace(" (" + study + ")", ""));
                if (!m.matches()) {
                    continue; // the note
                }
                String named = m.group(5) == null ? "" : m.group(5);
                String[] both = named.contains(" − ") ? named.split(" − ") : null;
                String first = pair[0].startsWith("each of ") ? named : pair[0];
                String second = pair[1].matches("(each|the peak) of [0-9]+") ? named : pair[1];
                if (both != null) {
                    first = both[0];
                    second = both[1];
                }
                String judge = m.group(1);
                double expected = mean(study, judge, first) - mean(study, judge, second);
                double shown = Double.parseDouble(m.group(2));
                assertThat(shown).as(row[1] + " " + line).isCloseTo(expected, within(0.00051));
                assertThat(m.group(2).startsWith("-")).as(line).isEqualTo(expected < 0);
                assertThat(shown)
                        .as(line)
                        .isBetween(Double.parseDouble(m.group(3)), Double.parseDouble(m.group(4)));
                looked++;
            }
        }
        assertThat(looked).isGreaterThan(120);
    }

    /** The sentence's subject comes first: no claim is about the base. */
    @Test
    void noClaimIsShownAsTheBaseLessAnother() throws IOException {
        for (String[] row : rows()) {
            assertThat(row[3]).as(row[1]).doesNotStartWith("base −");
        }
    }

    /** What a study measured is in a claim, or the page says why it is in none. */
    @Test
    void everyModelAndJudgeOfEveryStudyIsOnThePage() {
        StudyFiles files = new StudyFiles(DOCS.resolve("results"));
        for (String study : Study.words()) {
            Set<String> models = new TreeSet<>();
            Set<String> judges = new TreeSet<>();
            for (Claim claim : Claims.read()) {
                if (claim.study().equals(Optional.of(study))) {
                    Claim.Compared c = (Claim.Compared) claim.check().orElseThrow();
                    models.addAll(c.models());
                    models.addAll(c.others());
                    judges.addAll(c.judges());
                }
            }
            for (Claims.Unclaimed u : Claims.unclaimed()) {
                if (u.study().equals(study)) {
                    assertThat(Collections.disjoint(models, u.models())).as(study).isTrue();
                    assertThat(Collections.disjoint(judges, u.judges())).as(study).isTrue();
                    assertThat(u.why()).isNotBlank();
                    models.addAll(u.models());
                    judges.addAll(u.judges());
                }
            }
            Map<String, Map<String, List<Double>>> scores = files.results(study).scores();
            assertThat(judges).as(study).isEqualTo(scores.keySet());
            assertThat(models).as(study).isEqualTo(scores.values().iterator().next().keySet());
        }
    }

    /** Neither a checkpoint that speaks for a claim nor one that speaks against it is left out. */
    @Test
    void everyCheckpointOfFigure7IsComparedInTheOrderOfSteps() throws IOException {
        List<String> steps =
                new StudyFiles(DOCS.resolve("results"))
                        .results("fig7").scores().values().iterator().next().keySet().stream()
                                .filter(m -> m.startsWith("soup, "))
                                .map(m -> m.replaceAll("[^0-9]", ""))
                                .toList();
        assertThat(steps).containsExactly("50", "100", "200", "400", "800");
        List<String> says = rows().stream().map(row -> row[1]).toList();
        assertThat(says.stream().filter(s -> s.matches("After .* the soup beats the paragon.")))
                .containsExactlyElementsOf(
                        steps.stream()
                                .map("After %s steps the soup beats the paragon."::formatted)
                                .toList());
        assertThat(says.stream().filter(s -> s.matches("After .* it beats every ingredient.")))
                .containsExactlyElementsOf(
                        steps.stream()
                                .map("After %s steps it beats every ingredient."::formatted)
                                .toList());
    }

    /** By whom the paper gives figures, by them it is looked at here. */
    @Test
    void aClaimIsLookedAtByEveryJudgeOfThePapersFigures() {
        Map<String, String> words = Map.of("TIFA", "TIFA", "IR", "reward", "CLIP", "CLIP");
        for (Claim claim : Claims.read()) {
            if (claim.check().orElse(null) instanceof Claim.Compared c) {
                words.forEach((word, judge) -> {
                    if (Pattern.compile("\\b" + word + "\\b").matcher(claim.paper()).find()) {
                        assertThat(c.judges()).as(claim.says()).contains(judge);
                    }
                });
            }
        }
    }

    /** All cases, all stages: a number of one of them would be a choice. */
    @Test
    void numbersAreThoseOfEveryCase() throws IOException {
        for (Claim claim : Claims.read()) {
            if (claim.check().orElse(null) instanceof Claim.Numeric n) {
                String study = claim.study().orElseThrow();
                JsonNode root =
                        JsonMappers.PLAIN.readTree(
                                DOCS.resolve("results").resolve(study + ".json").toFile());
                JsonNode all = root.path(root.has("stages") ? "stages" : "cases");
                for (int i = 0; i < all.size(); i++) {
                    String prefix = (root.has("stages") ? "/stages/" : "/cases/") + i + "/";
                    assertThat(n.pointers().values())
                            .as(claim.says())
                            .anyMatch(p -> p.startsWith(prefix));
                    String name = all.get(i).path("name").asText();
                    if (root.has("cases")) {
                        assertThat(n.pointers().get(name)).startsWith(prefix);
                    }
                }
            }
        }
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
