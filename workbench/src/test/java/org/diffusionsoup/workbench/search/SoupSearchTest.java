package org.diffusionsoup.workbench.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.Improvement;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.diffusionsoup.workbench.generate.Sampler;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SoupSearchTest {
    private static final GenerateSettings SETTINGS =
            new GenerateSettings(
                    1, 1, "", Optional.of(Sampler.DDIM), Optional.of(PictureSize.square(16)), 8);

    @TempDir private static Path models;
    @TempDir private Path dir;

    private static List<Path> ingredients;

    @BeforeAll
    static void makeModels() {
        ingredients =
                IntStream.range(1, 4)
                        .mapToObj(i ->
                                TinyModels.moved(models.resolve("m" + i), TinyModels.jittered(i)))
                        .toList();
    }

    private SearchRequest request(String method, Path out) {
        return new SearchRequest(
                ingredients,
                SearchMethods.named(method),
                new SearchRequest.Split(
                        List.of("a cat", "a boat", "a hat"), List.of("a dog", "a sun")),
                List.of(1L, 2L),
                SETTINGS,
                Acceptance.ANY_IMPROVEMENT,
                40,
                dir.resolve("journal.jsonl"),
                Optional.of(out),
                Optional.of(dir.resolve("page.html")),
                false);
    }

    private static FoundSoup run(SearchRequest request, List<Evaluation> heard) {
        try (PictureScorer judge = JudgeSpec.of(JudgeSpec.Kind.CLIP, TinyModels.clip()).open()) {
            ScoreBook.Listener listener =
                    (e, known) -> {
                        if (!known) {
                            heard.add(e);
                        }
                    };
            return new SoupSearch(request, judge, listener, Progress.silent()).run();
        }
    }

    /** Greedy adds, in the order of the singles' scores, whoever makes the soup better. */
    @Test
    void greedyChoosesWhatItsScoresSay() throws IOException {
        List<Evaluation> heard = new ArrayList<>();
        Path out = dir.resolve("soup");
        FoundSoup found = run(request("greedy", out), heard);
        Map<Candidate, Double> scores = new java.util.HashMap<>();
        heard.forEach(e -> scores.put(e.candidate(), e.mean()));
        List<Integer> order =
                IntStream.range(0, 3)
                        .boxed()
                        .sorted(
                                Comparator.comparingDouble(
                                        i -> -scores.get(Candidate.single(3, i))))
                        .toList();
        Candidate best = Candidate.single(3, order.getFirst());
        for (int i : order.subList(1, 3)) {
            if (scores.get(best.with(i)) > scores.get(best)) {
                best = best.with(i);
            }
        }
        assertThat(found.result().best().candidate()).isEqualTo(best);
        assertThat(heard).hasSize(5);
        Map<String, float[]> soup = TinyModels.values(TinyModels.unet(out));
        Candidate chosen = best;
        TinyModels.values(TinyModels.unet(ingredients.getFirst()))
                .forEach((tensor, values) -> {
                    double expected = 0;
                    for (int i : chosen.members()) {
                        expected +=
                                chosen.coefficient(i).orElseThrow().value()
                                        * TinyModels.values(TinyModels.unet(ingredients.get(i)))
                                                .get(tensor)[0];
                    }
                    assertThat((double) soup.get(tensor)[0]).isCloseTo(expected, within(1e-6));
                });
        try (SafetensorsFile f = SafetensorsFile.open(TinyModels.unet(out))) {
            assertThat(Provenance.readFrom(f.metadata()).orElseThrow().more().toString())
                    .contains(found.journalSha256());
        }
        assertThat(Files.readString(dir.resolve("page.html")))
                .contains("On prompts the search never saw", found.journalSha256());
        assertThat(found.test().getFirst().label()).startsWith("uniform soup");
        assertThat(found.test().getFirst().overUniform().difference()).isZero();
    }

    /** A candidate's progress has its number and ends before its score is told. */
    @Test
    void progressNumbersTheCandidates() {
        List<String> told = new ArrayList<>();
        Progress progress =
                new Progress() {
                    @Override
                    public void start(String task, long total, String unit) {
                        told.add(task);
                    }

                    @Override
                    public void advance(long units) {}

                    @Override
                    public void message(String note) {}

                    @Override
                    public void close() {
                        told.add("end");
                    }
                };
        try (PictureScorer judge = JudgeSpec.of(JudgeSpec.Kind.CLIP, TinyModels.clip()).open()) {
            new SoupSearch(
                            request("greedy", dir.resolve("soup")),
                            judge,
                            (e, known) -> told.add("score " + e.number()),
                            progress)
                    .run();
        }
        assertThat(told)
                .containsSubsequence(
                        "generate candidate 1", "end", "score 1", "generate candidate 2", "end")
                .contains("generate candidate 5", "generate pictures for the page")
                .doesNotContain("generate candidate 6", "generate candidate")
                .anyMatch(t -> t.startsWith("generate uniform soup"));
    }

    @Test
    void aSearchThatWasKilledGoesOnToTheSameSoup() throws IOException {
        FoundSoup undisturbed = run(request("greedy", dir.resolve("a")), new ArrayList<>());
        Path journal = dir.resolve("journal.jsonl");
        List<String> lines = Files.readAllLines(journal);
        Files.write(journal, lines.subList(0, lines.size() - 2));
        List<Evaluation> heard = new ArrayList<>();
        FoundSoup resumed = run(request("greedy", dir.resolve("b")), heard);
        assertThat(heard).as("only what the journal lost").hasSizeBetween(1, 2);
        assertThat(resumed.result().best()).isEqualTo(undisturbed.result().best());
        assertThat(resumed.test()).isEqualTo(undisturbed.test());
        assertThat(Files.readAllBytes(TinyModels.unet(dir.resolve("b"))))
                .isEqualTo(Files.readAllBytes(TinyModels.unet(dir.resolve("a"))));
    }

    @Test
    void anExistingOutputIsRefusedBeforeAnythingIsScored() throws IOException {
        Path out = Files.createDirectory(dir.resolve("mine"));
        Files.writeString(out.resolve("x"), "x");
        List<Evaluation> heard = new ArrayList<>();
        assertThatThrownBy(() -> run(request("greedy", out), heard))
                .isInstanceOf(SoupException.class);
        assertThat(heard).isEmpty();
        assertThat(dir.resolve("journal.jsonl")).doesNotExist();
    }

    @Test
    void promptsAreSplitByTheSeedWithoutACommonOne() {
        List<String> prompts = IntStream.range(0, 30).mapToObj(i -> "p" + i).toList();
        HashSet<List<String>> seen = new HashSet<>();
        for (long seed = 0; seed < 20; seed++) {
            SearchRequest.Split split = SearchRequest.Split.of(prompts, 12, seed);
            assertThat(split.validation()).hasSize(12);
            List<String> all = new ArrayList<>(split.validation());
            all.addAll(split.test());
            assertThat(all).containsExactlyInAnyOrderElementsOf(prompts);
            assertThat(SearchRequest.Split.of(prompts, 12, seed)).isEqualTo(split);
            seen.add(split.validation());
        }
        assertThat(seen).hasSize(20);
        for (int validation : new int[] {-1, 1, 29, 99}) {
            assertThatThrownBy(() -> SearchRequest.Split.of(prompts, validation, 0))
                    .isInstanceOf(SoupException.class)
                    .hasMessageStartingWith("A search needs at least 2 prompts to choose by");
        }
        assertThatThrownBy(() -> new SearchRequest.Split(List.of("a", "b"), List.of("c", "a")))
                .isInstanceOf(SoupException.class)
                .hasMessageMatching(
                        "Prompts \\d and \\d are the same, '.+'; every prompt counts once.+");
    }

    @Test
    void differencesAreWrittenWithTheirSigns() {
        assertThat(SearchText.difference(Improvement.of(scored(1, 3, 2), scored(0, 1, 2))))
                .matches("\\+1\\.0000 \\[[-+]\\d\\.\\d{4}, [-+]\\d\\.\\d{4}]");
        assertThat(SearchText.difference(Improvement.of(scored(0, 0, 0), scored(0.5, 0.5, 0.5))))
                .startsWith("-0.5000");
    }

    private static Evaluation scored(double... scores) {
        return new Evaluation(
                1, Candidate.uniform(2), java.util.Arrays.stream(scores).boxed().toList());
    }
}
