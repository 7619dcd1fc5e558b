package org.diffusionsoup.workbench.judges.question;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.data.scene.Alterations;
import org.diffusionsoup.data.scene.Background;
import org.diffusionsoup.data.scene.Captions;
import org.diffusionsoup.data.scene.Combinations;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.Scene.Arrangement;
import org.diffusionsoup.data.scene.Scene.Group;
import org.diffusionsoup.data.scene.SceneColour;
import org.diffusionsoup.data.scene.SceneRows;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.data.scene.Subject;
import org.diffusionsoup.data.scene.Subjects;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.data.scene.Worlds;
import org.diffusionsoup.eval.TifaQuestion;
import org.diffusionsoup.eval.TifaQuestions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.train.SceneVqaObjective;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Questions from the truth of scenes, against a second opinion on what is true. */
final class SceneQuestionsTest {
    private static JudgeScenes scenes;
    private static Drawings drawings;

    @TempDir private Path dir;

    @BeforeAll
    static void load() {
        drawings = Drawings.load(Path.of("..", "shards", "drawings"));
        scenes = new JudgeScenes(drawings);
    }

    private static Subject subject(String name) {
        return Subjects.all().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    }

    private static Group group(int count, String colour, String name) {
        return new Group(
                subject(name),
                colour.isEmpty() ? Optional.empty() : Optional.of(SceneColour.of(colour)),
                count);
    }

    private static List<String> asked(SceneTruth truth, long seed) {
        return SceneQuestions.about("id", Captions.whole(truth), truth, seed).stream()
                .map(q -> q.elementType() + ": " + q.question() + " " + q.answer())
                .toList();
    }

    @Test
    void threeRedApplesAreAskedAboutByKindNumberColourGroundAndStyle() {
        SceneTruth truth =
                new SceneTruth(
                        List.of(group(3, "red", "apple")),
                        Arrangement.MIDDLE,
                        Background.Kind.STRIPES,
                        SceneColour.BLUE,
                        "line art");
        assertThat(asked(truth, 1))
                .contains(
                        "object: is there an apple in the picture? yes",
                        "object: what is in the picture? apple",
                        "counting: how many apples are there? three",
                        "counting: are there exactly three apples? yes",
                        "color: what color are the apples? red",
                        "color: are the apples red? yes",
                        "location: what color is the background? blue",
                        "location: is the background blue? yes",
                        "location: what pattern does the background have? stripes",
                        "attribute: which style is this? line art")
                .noneMatch(q -> q.startsWith("spatial"))
                .hasSize(14)
                .doesNotHaveDuplicates();
        assertThat(asked(truth, 1)).isEqualTo(asked(truth, 1)).isNotEqualTo(asked(truth, 2));
        JudgeQuestion count =
                SceneQuestions.about("id", "", truth, 1).stream()
                        .filter(q -> q.question().startsWith("how many"))
                        .findFirst()
                        .orElseThrow();
        assertThat(count.choices()).containsExactlyInAnyOrder("one", "two", "three");
    }

    /** A colour that was not given, and the place of two things by themselves, are not asked. */
    @Test
    void whatTheTruthLeavesOpenIsNotAsked() {
        SceneTruth truth =
                new SceneTruth(
                        List.of(group(1, "", "owl"), group(1, "green", "car")),
                        Arrangement.ABOVE,
                        Background.Kind.PLAIN,
                        SceneColour.WHITE,
                        "flat");
        Set<String> all = new TreeSet<>();
        for (long seed = 0; seed < 200; seed++) {
            all.addAll(asked(truth, seed));
        }
        assertThat(all)
                .contains(
                        "color: is the car green? yes",
                        "spatial: is the owl above the car? yes",
                        "spatial: is the car below the owl? yes",
                        "spatial: is the car above the owl? no",
                        "spatial: is the owl below the car? no",
                        "spatial: what is at the top? owl",
                        "spatial: what is at the bottom? car",
                        "counting: how many owls are there? one",
                        "location: what pattern does the background have? plain")
                .noneMatch(q -> q.contains("color is the owl"))
                .noneMatch(q -> q.contains("where is"))
                .noneMatch(q -> q.contains("is there an eye"))
                .noneMatch(q -> q.contains("left"))
                .noneMatch(q -> q.contains("background grey"));
    }

    /** Over many scenes, the answer is the only true choice, by another reading of the truth. */
    @Test
    void theAnswerIsTheOnlyChoiceThatIsTrue() {
        Map<String, Map<String, Integer>> answers = new TreeMap<>();
        for (int i = 0; i < 3000; i++) {
            SceneTruth truth = i % 2 == 0 ? scenes.knownTruth(5, i) : scenes.heldOutTruth(i);
            List<JudgeQuestion> all = SceneQuestions.about("id", "c", truth, i);
            assertThat(all.size()).isBetween(SceneVqaObjective.QUESTIONS, 25);
            assertThat(all.stream().map(JudgeQuestion::question)).doesNotHaveDuplicates();
            for (JudgeQuestion q : all) {
                List<String> right = q.choices().stream().filter(c -> holds(q, c, truth)).toList();
                assertThat(right)
                        .as("%s %s about %s", q.question(), q.choices(), Captions.whole(truth))
                        .containsExactly(q.answer());
                if (q.isYesNo()) {
                    answers.computeIfAbsent(q.elementType(), t -> new HashMap<>())
                            .merge(q.answer(), 1, Integer::sum);
                } else {
                    assertThat(q.choices().size()).isBetween(3, 4);
                }
            }
        }
        assertThat(answers.keySet())
                .containsExactly("color", "counting", "location", "object", "spatial");
        answers.forEach((type, counts) -> {
            int yes = counts.getOrDefault("yes", 0);
            int no = counts.getOrDefault("no", 0);
            assertThat(no).as(type).isBetween(9 * yes / 10, yes);
        });
    }

    /** In training no question is about a held-out pair, whatever its answer. */
    @Test
    void trainingIsNeverAskedAboutAHeldOutPair() {
        for (int i = 0; i < 1500; i++) {
            SceneTruth truth = scenes.knownTruth(9, i);
            for (JudgeQuestion q : SceneQuestions.about("", "", truth, i)) {
                for (Group g : truth.groups()) {
                    for (SceneColour c : SceneColour.TINTS) {
                        String noun = g.count() == 1 ? g.subject().name() : g.subject().plural();
                        if (q.question().endsWith(" the " + noun + " " + c.word() + "?")) {
                            SceneTruth asked =
                                    truth.with(
                                            truth.groups().indexOf(g),
                                            new Group(g.subject(), Optional.of(c), g.count()));
                            assertThat(Combinations.heldOut(asked)).as(q.question()).isEmpty();
                        }
                    }
                }
            }
            for (Alterations.Altered a : Alterations.known(truth)) {
                assertThat(Combinations.heldOut(a.truth())).isEmpty();
            }
        }
    }

    private static boolean holds(JudgeQuestion q, String choice, SceneTruth t) {
        if (q.isYesNo()) {
            return choice.equals("yes") == statement(q.question(), t);
        }
        List<Group> groups = t.groups();
        List<String> names = groups.stream().map(g -> g.subject().name()).toList();
        String asked = q.question();
        if (asked.startsWith("how many ")) {
            Group g = named(asked, t);
            return List.of("zero", "one", "two", "three").indexOf(choice) == g.count();
        }
        if (asked.startsWith("what color is the background")) {
            return t.ground().word().equals(choice);
        }
        if (asked.startsWith("what color ")) {
            return named(asked, t).colour().orElseThrow().word().equals(choice);
        }
        if (asked.startsWith("where is ")) {
            String place =
                    t.arrangement().words().isEmpty() ? "in the middle" : t.arrangement().words();
            return place.equals(choice);
        }
        return switch (asked) {
            case "what is in the picture?" -> names.contains(choice);
            case "what is on the left?" ->
                    t.arrangement() == Arrangement.LEFT_OF && names.getFirst().equals(choice);
            case "what is on the right?" ->
                    t.arrangement() == Arrangement.LEFT_OF && names.getLast().equals(choice);
            case "what is at the top?" ->
                    t.arrangement() == Arrangement.ABOVE && names.getFirst().equals(choice);
            case "what is at the bottom?" ->
                    t.arrangement() == Arrangement.ABOVE && names.getLast().equals(choice);
            case "what pattern does the background have?" ->
                    t.layout().name().toLowerCase(Locale.ROOT).equals(choice);
            case "which style is this?" -> t.style().equals(choice);
            default -> throw new AssertionError(asked);
        };
    }

    private static Group named(String asked, SceneTruth t) {
        return t.groups().stream()
                .filter(g ->
                        asked.contains(" " + g.subject().plural() + " ")
                                || asked.contains(" " + g.subject().plural() + "?")
                                || asked.contains(" " + g.subject().name() + " ")
                                || asked.contains(" " + g.subject().name() + "?"))
                .max(Comparator.comparingInt(g -> g.subject().name().length()))
                .orElseThrow(() -> new AssertionError(asked));
    }

    /** Whether a statement, put as a question, is true: by all statements that are. */
    private static boolean statement(String question, SceneTruth t) {
        List<String> all = new ArrayList<>();
        all.add("is the background " + t.ground().word() + "?");
        for (Group g : t.groups()) {
            String name = g.subject().name();
            String noun = g.count() == 1 ? name : g.subject().plural();
            String is = g.count() == 1 ? "is" : "are";
            all.add("is there a " + name + " in the picture?");
            all.add("is there an " + name + " in the picture?");
            all.add(
                    g.count() == 1
                            ? "is there exactly one " + name + "?"
                            : "are there exactly "
                                    + List.of("two", "three").get(g.count() - 2)
                                    + " "
                                    + noun
                                    + "?");
            g.colour().ifPresent(c -> all.add(is + " the " + noun + " " + c.word() + "?"));
            String place =
                    t.arrangement().words().isEmpty() ? "in the middle" : t.arrangement().words();
            all.add("is the " + name + " " + place + "?");
        }
        if (t.groups().size() == 2) {
            String a = t.groups().get(0).subject().name();
            String b = t.groups().get(1).subject().name();
            boolean beside = t.arrangement() == Arrangement.LEFT_OF;
            all.add("is the %s %s the %s?".formatted(a, beside ? "left of" : "above", b));
            all.add("is the %s %s the %s?".formatted(b, beside ? "right of" : "below", a));
        }
        return all.contains(question);
    }

    /** What a shard says of its rows is what was composed; its questions are read by the judge. */
    @Test
    void aShardOfScenesIsAskedAboutItsTruth() {
        List<Sample> rows =
                new SceneRows(drawings, Worlds::known, Tier.WEB, 3)
                        .rows(6, 6, ProgressListener.NONE);
        Path tar = dir.resolve("scenes.tar");
        ShardWriter.write(tar, rows);
        List<JudgeQuestion> made = QuestionMaker.of(Shard.open(tar), Progress.silent());
        Path file = dir.resolve("q.json");
        QuestionFile.write(made, file);
        List<TifaQuestion> read = TifaQuestions.read(file).questions();
        assertThat(read).hasSize(made.size());
        for (Sample row : rows) {
            SceneTruth truth = SceneTruth.parse(row.info().scene(), "row");
            if (row.info().split().equals("heldout")) {
                assertThat(Captions.whole(truth)).isEqualTo(row.info().caption());
            }
            List<TifaQuestion> own =
                    read.stream().filter(q -> q.id().equals(row.info().key())).toList();
            assertThat(own).isNotEmpty();
            for (TifaQuestion q : own) {
                assertThat(q.caption()).isEqualTo(Captions.whole(truth));
                JudgeQuestion same =
                        new JudgeQuestion(
                                q.id(),
                                q.caption(),
                                q.question(),
                                q.choices(),
                                q.answer(),
                                q.elementType());
                assertThat(holds(same, q.answer(), truth)).as(q.question()).isTrue();
            }
        }
    }
}
