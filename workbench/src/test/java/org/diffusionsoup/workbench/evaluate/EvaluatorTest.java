package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole evaluations of tiny models, judged by plain measures of colour and ink. */
class EvaluatorTest {
    private static final String RECIPE =
            """
            models:
              one: one
              two: two
              soup: {soup: [one, two]}
              both: {ensemble: [one, two], weights: [1, 3]}
            prompts: {list: [a red cat, two boats, a house, the sea, a hen], count: 3, validation: 2}
            seeds: [4, 9]
            sampler: {steps: 2, guidance: 3, scheduler: ddim, size: 32, batch: 4}
            judges:
              colour: {measure: colour}
              ink: {measure: ink}
            baseline: soup
            """;
    private static final BooleanSupplier NEVER = () -> false;

    @TempDir private static Path models;
    @TempDir private Path dir;

    private final List<String> notes = new ArrayList<>();
    private Path cache;

    @BeforeAll
    static void makeModels() {
        TinyModels.moved(models.resolve("one"), TinyModels.jittered(1));
        TinyModels.moved(models.resolve("two"), TinyModels.jittered(2));
    }

    @BeforeEach
    void chooseCache() {
        cache = dir.resolve("cache");
    }

    private static EvaluationRecipe read(String text) {
        try {
            return EvaluationRecipes.read(Files.writeString(models.resolve("recipe.yaml"), text));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Optional<Evaluation> run(String text, Path in, BooleanSupplier stop) {
        return new Evaluator(read(text), in, Progress.silent(), stop, notes::add).run();
    }

    private Evaluation run(String text) {
        return run(text, cache, NEVER).orElseThrow();
    }

    private static List<List<List<Double>>> values(Evaluation e) {
        List<List<List<Double>>> all = new ArrayList<>();
        e.judges().forEach(j -> j.sets().forEach(set -> all.addAll(List.of(set.values()))));
        return all;
    }

    /** The single file that a step of a test damages. */
    private static Path first(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(f -> f.toString().endsWith(ending))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static double colour(RgbImage picture) {
        double sum = 0;
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                int r = picture.channel(x, y, 0);
                int g = picture.channel(x, y, 1);
                int b = picture.channel(x, y, 2);
                sum += Math.max(Math.max(r, g), b) - Math.min(Math.min(r, g), b);
            }
        }
        return sum / 255 / picture.width() / picture.height();
    }

    @Test
    void everyScoreIsThatOfItsPictureAndDifferencesArePairedByPrompt() {
        Evaluation e = run(RECIPE);
        assertThat(e.drawn()).isEqualTo(4 * 3 * 2);
        assertThat(e.models())
                .extracting(Evaluation.Model::name)
                .containsExactly("one", "two", "soup", "both");
        assertThat(e.judges()).extracting(Evaluation.Judged::name).containsExactly("colour", "ink");
        Evaluation.Judged judged = e.judges().getFirst();
        double[][] means = new double[4][3];
        for (int m = 0; m < 4; m++) {
            for (int p = 0; p < 3; p++) {
                for (int s = 0; s < 2; s++) {
                    RgbImage picture =
                            PictureCache.read(e.models().get(m).pictures().get(p).get(s));
                    assertThat(picture.width()).isEqualTo(32);
                    double expected = colour(picture);
                    assertThat(judged.sets().get(m).values().get(p).get(s))
                            .isCloseTo(expected, within(1e-12));
                    means[m][p] += expected / 2;
                }
            }
        }
        ScoreTable table = judged.table();
        assertThat(table.baseline()).isEqualTo("soup");
        for (int m = 0; m < 4; m++) {
            double difference = 0;
            for (int p = 0; p < 3; p++) {
                difference += (means[m][p] - means[2][p]) / 3;
            }
            assertThat(table.rows().get(m).toBaseline().isPresent()).isEqualTo(m != 2);
            double expected = difference;
            table.rows()
                    .get(m)
                    .toBaseline()
                    .ifPresent(i -> assertThat(i.estimate()).isCloseTo(expected, within(1e-12)));
        }
        assertThat(e.scores(1)).containsOnlyKeys("colour", "ink");
        assertThat(e.scores(1).get("colour").model()).isEqualTo("two");
    }

    @Test
    void modelsDrawOnTheSameNoiseAndPicturesDiffer() {
        Evaluation e = run(RECIPE);
        List<RgbImage> drawn =
                e.models().stream()
                        .map(m -> PictureCache.read(m.pictures().getFirst().getFirst()))
                        .toList();
        assertThat(drawn).doesNotHaveDuplicates();
        // Weights that differ by a tenth move a picture less than another seed does.
        RgbImage other = PictureCache.read(e.models().getFirst().pictures().getFirst().get(1));
        assertThat(distance(drawn.get(0), drawn.get(1))).isLessThan(distance(drawn.get(0), other));
    }

    private static double distance(RgbImage one, RgbImage other) {
        double sum = 0;
        for (int i = 0; i < one.pixels().length; i++) {
            double d = (one.pixels()[i] & 255) - (other.pixels()[i] & 255);
            sum += d * d;
        }
        return sum;
    }

    @Test
    void aSecondRunDrawsAndJudgesNothing() {
        Evaluation first = run(RECIPE);
        Map<String, String> files = whatWasMade();
        Evaluation second = run(RECIPE);
        assertThat(second.drawn()).isZero();
        assertThat(values(second)).isEqualTo(values(first));
        assertThat(second.judges().getFirst().table()).isEqualTo(first.judges().getFirst().table());
        assertThat(whatWasMade()).isEqualTo(files);
        assertThat(notes).isEmpty();
    }

    /**
     * All in the cache but for notes of files' hashes, which are written once files are not new.
     */
    private Map<String, String> whatWasMade() {
        Map<String, String> files = new TreeMap<>(TinyModels.contents(cache));
        files.keySet().removeIf(name -> name.startsWith("kept/stamps/"));
        return files;
    }

    @Test
    void onlyWhatIsNewIsDrawn() {
        run(RECIPE);
        assertThat(run(RECIPE.replace("[4, 9]", "[9, 4, 5]")).drawn()).isEqualTo(4 * 3);
        assertThat(run(RECIPE.replace("batch: 4", "batch: 1")).drawn()).isZero();
        assertThat(
                        run(RECIPE.replace(
                                        "  both:",
                                        "  b2: {soup: [one, two], weights: [1, 2]}\n  both:"))
                                .drawn())
                .isEqualTo(3 * 2);
        assertThat(run(RECIPE.replace("baseline: soup", "baseline: one")).drawn()).isZero();
        assertThat(run(RECIPE.replace("weights: [1, 3]", "weights: [2, 6]")).drawn()).isZero();
        assertThat(run(RECIPE.replace("guidance: 3", "guidance: 4")).drawn()).isEqualTo(24);
    }

    @Test
    void aDamagedPictureIsToldOfAndDrawnAnew() throws IOException {
        run(RECIPE);
        Map<String, String> files = TinyModels.contents(cache.resolve("pictures"));
        Path picture = first(cache.resolve("pictures"), ".png");
        byte[] bytes = Files.readAllBytes(picture);
        bytes[bytes.length / 2] ^= 1;
        Files.write(picture, bytes);
        assertThat(run(RECIPE).drawn()).isEqualTo(1);
        assertThat(notes)
                .containsExactly(
                        "The cached picture "
                                + picture
                                + " is not what was drawn; it is drawn anew.");
        assertThat(TinyModels.contents(cache.resolve("pictures")).keySet())
                .isEqualTo(files.keySet());
    }

    @Test
    void damagedScoresAreToldOfAndJudgedAnew() throws IOException {
        Evaluation first = run(RECIPE);
        Map<String, String> files = TinyModels.contents(cache.resolve("scores"));
        Path scores = first(cache.resolve("scores"), ".json");
        for (String damaged :
                List.of(
                        Files.readString(scores).replace("0.", "0.5"),
                        "{",
                        "{\"scores\":[1],\"sha256\":\"x\"}")) {
            Files.writeString(scores, damaged);
            notes.clear();
            Evaluation again = run(RECIPE);
            assertThat(again.drawn()).isZero();
            assertThat(values(again)).isEqualTo(values(first));
            assertThat(notes)
                    .containsExactly(
                            "The cached scores " + scores + " are damaged; they are judged anew.");
            assertThat(TinyModels.contents(cache.resolve("scores"))).isEqualTo(files);
        }
    }

    @Test
    void aDamagedSoupIsToldOfAndMadeAnew() throws IOException {
        Evaluation first = run(RECIPE);
        Path soup = first.models().get(2).made().folders().getFirst();
        Map<String, String> files = TinyModels.contents(soup);
        TinyModels.change(TinyModels.unet(soup), (name, w) -> w[0] += 1);
        Evaluation again = run(RECIPE);
        assertThat(notes).singleElement().asString().contains("is damaged", "it is made anew");
        assertThat(again.drawn()).isZero();
        assertThat(again.models().get(2).hash()).isEqualTo(first.models().get(2).hash());
        assertThat(TinyModels.contents(soup)).isEqualTo(files);
    }

    @Test
    void aRunStoppedAnywhereGoesOnToTheSameResults() {
        Evaluation undisturbed = run(RECIPE, dir.resolve("other"), NEVER).orElseThrow();
        AtomicInteger drawn = new AtomicInteger();
        Optional<Evaluation> end = Optional.empty();
        int stops = 0;
        for (int polls = 1; end.isEmpty(); polls += 3) {
            AtomicInteger left = new AtomicInteger(polls);
            end = run(RECIPE, cache, () -> left.getAndDecrement() == 0);
            stops += end.isEmpty() ? 1 : 0;
            Path kept = cache.resolve("pictures");
            int pictures = Files.isDirectory(kept) ? TinyModels.contents(kept).size() : 0;
            assertThat(EvaluationFiles.stopped(cache))
                    .contains(
                            "kept in " + cache,
                            pictures == 1 ? "1 picture," : pictures + " pictures,",
                            "scores of ");
            end.ifPresent(e -> drawn.set(e.drawn()));
        }
        assertThat(stops).isGreaterThan(2);
        assertThat(drawn.get()).as("the last run drew only the rest").isLessThan(24);
        assertThat(values(end.orElseThrow())).isEqualTo(values(undisturbed));
        assertThat(TinyModels.contents(cache.resolve("pictures")))
                .isEqualTo(TinyModels.contents(dir.resolve("other/pictures")));
    }

    @Test
    void aJudgeThatReadsCaptionsIsGivenThePicturesOwnPrompt() {
        String one =
                RECIPE.replace("  two: two\n  soup: {soup: [one, two]}\n", "")
                        .replace("  both: {ensemble: [one, two], weights: [1, 3]}\n", "")
                        .replace("baseline: soup", "baseline: one")
                        .replace("{measure: ink}", "{clip: " + TinyModels.clip() + "}");
        Evaluation e = run(one);
        List<List<Path>> files = e.models().getFirst().pictures();
        try (PictureScorer clip = JudgeSpec.of(JudgeSpec.Kind.CLIP, TinyModels.clip()).open()) {
            for (int p = 0; p < 3; p++) {
                for (int s = 0; s < 2; s++) {
                    double expected =
                            clip.score(
                                            List.of(
                                                    PictureScores.picture(
                                                            PictureCache.read(
                                                                    files.get(p).get(s)))),
                                            List.of(e.recipe().prompts().get(p)))[0];
                    assertThat(e.judges().get(1).sets().getFirst().values().get(p).get(s))
                            .isCloseTo(expected, within(1e-5));
                }
            }
        }
    }

    @Test
    void aJudgeThatIsMissingIsToldBeforeAnythingIsDrawn() {
        String missing = RECIPE.replace("{measure: ink}", "{clip: no-clip}");
        assertThatThrownBy(() -> run(missing))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("Judge 'ink' needs the CLIP folder at ")
                .hasMessageContaining("no-clip");
        assertThat(cache.resolve("pictures")).doesNotExist();
        assertThat(cache.resolve("models")).doesNotExist();
    }

    @Test
    void promptsWithoutAQuestionAreToldBeforeAnythingIsDrawn() throws IOException {
        Files.writeString(
                models.resolve("questions.json"),
                """
                {"questions": []}
                """);
        String asked =
                RECIPE.replace(
                        "{measure: ink}",
                        "{tifa-questions: questions.json, clip: " + TinyModels.clip() + "}");
        assertThatThrownBy(() -> run(asked))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("questions.json");
        assertThat(cache.resolve("pictures")).doesNotExist();
    }

    /** Searched for on the validation prompts: no picture of a test prompt may be seen. */
    @Test
    void aSearchFindsTheSoupThatItsOwnPromptsPreferAndIsKept() {
        String searched =
                RECIPE.replace(
                        "  both:",
                        "  found: {search: greedy, of: [one, two], judge: colour}\n  both:");
        Evaluation e = run(searched);
        Path found = e.models().get(3).made().folders().getFirst();
        assertThat(found.getFileName().toString()).matches("found-[0-9a-f]{10}");
        Map<String, String> files = TinyModels.contents(found);
        assertThat(run(searched).drawn()).isZero();
        assertThat(TinyModels.contents(found)).isEqualTo(files);
        // Of one, two and their soup the best on the validation prompts, and nothing else.
        Evaluation validation =
                run(
                        RECIPE.replace("a red cat, two boats, a house, the sea, a hen", valid(e))
                                .replace("count: 3, validation: 2", "count: 2"));
        double[] means =
                validation.judges().getFirst().table().rows().stream()
                        .limit(3)
                        .mapToDouble(r -> r.score().mean().estimate())
                        .toArray();
        int best = means[0] >= means[1] ? 0 : 1;
        if (means[2] > means[best]) {
            best = 2;
        }
        Path expected = validation.models().get(best).made().folders().getFirst();
        assertThat(TinyModels.values(TinyModels.unet(found)))
                .usingRecursiveComparison()
                .isEqualTo(TinyModels.values(TinyModels.unet(expected)));
    }

    private static String valid(Evaluation e) {
        assertThat(e.recipe().validation())
                .hasSize(2)
                .doesNotContainAnyElementsOf(e.recipe().prompts());
        return String.join(", ", e.recipe().validation());
    }
}
