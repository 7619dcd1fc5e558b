package org.diffusionsoup.workbench.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.data.Csv;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.value.PlayerValue;
import org.diffusionsoup.eval.value.ShapleyPlan;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.diffusionsoup.workbench.generate.Sampler;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Values of three tiny ingredients, against the definition of the Shapley value. */
class SoupValueTest {
    private static final GenerateSettings SETTINGS =
            new GenerateSettings(
                    1, 1, "", Optional.of(Sampler.DDIM), Optional.of(PictureSize.square(16)), 8);
    private static final List<String> PROMPTS = List.of("a red cat", "two boats", "a house");

    @TempDir private static Path models;
    @TempDir private Path dir;

    private static List<Path> ingredients;

    @BeforeAll
    static void makeModels() {
        ingredients =
                List.of(
                        TinyModels.moved(models.resolve("a"), TinyModels.jittered(1)),
                        TinyModels.moved(models.resolve("b"), TinyModels.jittered(2)),
                        TinyModels.moved(models.resolve("c"), TinyModels.jittered(3)));
    }

    private ValueRequest request(List<Player> players, ShapleyPlan plan) {
        return new ValueRequest(
                ingredients,
                TinyModels.sd15(),
                players,
                plan,
                PROMPTS,
                List.of(1L, 2L),
                SETTINGS,
                dir.resolve("journal.jsonl"),
                dir.resolve("values.csv"),
                Optional.of(dir.resolve("values.html")));
    }

    private ValueRequest each() {
        return request(Player.each(List.of("a", "b", "c")), new ShapleyPlan.Exact(3));
    }

    private static FoundValues run(ValueRequest request, TellingProgress told) {
        try (PictureScorer judge = JudgeSpec.of(JudgeSpec.Kind.CLIP, TinyModels.clip()).open()) {
            return new SoupValue(request, judge, ScoreBook.Listener.NONE, told).run();
        }
    }

    private static FoundValues run(ValueRequest request) {
        return run(request, new TellingProgress());
    }

    /** Means of all coalitions, by the ingredients in them; the base is ingredient 3. */
    private static Map<List<Integer>, Double> means(FoundValues found) {
        Map<List<Integer>, Double> means = new HashMap<>();
        for (Evaluation e : found.coalitions()) {
            List<Integer> in = new ArrayList<>(e.candidate().members());
            in.remove(Integer.valueOf(3));
            means.put(in, e.mean());
        }
        return means;
    }

    @Test
    void valuesAreMeansOverAllOrdersAndAddUpToTheGain() {
        FoundValues found = run(each());
        Map<List<Integer>, Double> v = means(found);
        assertThat(v).hasSize(8);
        int[][] orders = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        double[] shapley = new double[3];
        for (int[] order : orders) {
            List<Integer> before = new ArrayList<>();
            for (int i : order) {
                List<Integer> after = new ArrayList<>(before);
                after.add(i);
                after.sort(null);
                shapley[i] += (v.get(after) - v.get(before)) / 6;
                before = after;
            }
        }
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            PlayerValue value = found.values().players().get(i);
            assertThat(value.shapley().estimate()).isCloseTo(shapley[i], within(1e-9));
            List<Integer> others = new ArrayList<>(List.of(0, 1, 2));
            others.remove(i);
            assertThat(value.leaveOneOut().estimate())
                    .isCloseTo(v.get(List.of(0, 1, 2)) - v.get(others), within(1e-9));
            assertThat(value.alone().estimate())
                    .isCloseTo(v.get(List.of(i)) - v.get(List.of()), within(1e-9));
            sum += value.shapley().estimate();
        }
        assertThat(sum).isCloseTo(found.values().gain().estimate(), within(1e-9));
        assertThat(found.ingredients()).containsExactly("a", "b", "c", "tiny-sd15");
    }

    @Test
    void theTableHasALineForEachPlayerAndIsReplaced() throws IOException {
        FoundValues found = run(each());
        List<Csv.Record> rows = Csv.parse(Files.readString(dir.resolve("values.csv")), "values");
        assertThat(rows).hasSize(4);
        for (int i = 0; i < 3; i++) {
            List<String> row = rows.get(i + 1).fields();
            assertThat(row.subList(0, 2))
                    .containsExactly("abc".substring(i, i + 1), "abc".substring(i, i + 1));
            PlayerValue v = found.values().players().get(i);
            assertThat(row.get(5)).as("exact values have no error").isEqualTo("0.0");
            List<Interval> intervals = List.of(v.shapley(), v.leaveOneOut(), v.alone());
            int[] columns = {2, 6, 9};
            for (int c = 0; c < 3; c++) {
                Interval interval = intervals.get(c);
                assertThat(row.subList(columns[c], columns[c] + 3))
                        .containsExactly(
                                Double.toString(interval.estimate()),
                                Double.toString(interval.low()),
                                Double.toString(interval.high()));
            }
        }
        assertThat(ValueTable.KIND.isOne().test(dir.resolve("values.csv"))).isTrue();
        Path other = Files.writeString(dir.resolve("mine.csv"), "player,score\n");
        assertThat(ValueTable.KIND.isOne().test(other)).isFalse();
        assertThat(Files.readString(dir.resolve("values.html")))
                .contains("What each ingredient is worth", "all of 3 players");
    }

    @Test
    void aJournalIsGoneOnWithAndScoresNothingTwice() throws IOException {
        FoundValues undisturbed = run(each());
        assertThat(undisturbed.scored()).isEqualTo(8);
        Path journal = dir.resolve("journal.jsonl");
        List<String> lines = Files.readAllLines(journal);
        byte[] table = Files.readAllBytes(dir.resolve("values.csv"));
        for (int kept : new int[] {lines.size(), lines.size() - 1, lines.size() - 5}) {
            Files.write(journal, lines.subList(0, kept));
            TellingProgress told = new TellingProgress();
            FoundValues resumed = run(each(), told);
            assertThat(resumed.scored()).isEqualTo(lines.size() - kept);
            assertThat(Files.readAllBytes(dir.resolve("values.csv"))).isEqualTo(table);
            assertThat(told.totals.getLast()).isEqualTo(8 * 6);
            assertThat(told.done.getLast()).isEqualTo(8 * 6);
            assertThat(told.skipped).isEqualTo(6L * (8 - resumed.scored()));
        }
        assertThat(Files.readAllLines(journal)).hasSameSizeAs(lines);
    }

    @Test
    void groupsComeAndGoTogether() {
        List<Player> players = Player.grouped(List.of("a", "b", "c"), List.of("G=a,c"));
        FoundValues found = run(request(players, new ShapleyPlan.Exact(2)));
        assertThat(found.coalitions()).hasSize(4);
        assertThat(means(found))
                .containsOnlyKeys(List.of(), List.of(1), List.of(0, 2), List.of(0, 1, 2));
        assertThat(found.values().players())
                .extracting(PlayerValue::name)
                .containsExactly("G", "b");
    }

    @Test
    void aJournalOfOtherPromptsIsRefused() {
        run(each());
        ValueRequest r = each();
        ValueRequest other =
                new ValueRequest(
                        r.ingredients(),
                        r.base(),
                        r.players(),
                        r.plan(),
                        List.of("x", "y"),
                        r.seeds(),
                        r.settings(),
                        r.journal(),
                        r.out(),
                        r.page());
        assertThatThrownBy(() -> run(other))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("journal.jsonl");
    }

    @Test
    void aRequestNeedsTwoPlayersAndTwoDifferentPrompts() {
        assertThatThrownBy(
                        () -> request(Player.of(List.of("P", "P", "P")), new ShapleyPlan.Exact(1)))
                .isInstanceOf(SoupException.class)
                .hasMessage("There is only [P] to value; name at least two ingredients or groups.");
        for (List<String> prompts : List.of(List.of("one"), List.of("one", "one"))) {
            ValueRequest r = each();
            assertThatThrownBy(() ->
                            new ValueRequest(
                                    r.ingredients(),
                                    r.base(),
                                    r.players(),
                                    r.plan(),
                                    prompts,
                                    r.seeds(),
                                    r.settings(),
                                    r.journal(),
                                    r.out(),
                                    r.page()))
                    .isInstanceOf(SoupException.class);
        }
    }
}
