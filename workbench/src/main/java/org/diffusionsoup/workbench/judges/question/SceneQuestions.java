package org.diffusionsoup.workbench.judges.question;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.scene.Alterations;
import org.diffusionsoup.data.scene.Background;
import org.diffusionsoup.data.scene.Captions;
import org.diffusionsoup.data.scene.Scene;
import org.diffusionsoup.data.scene.Scene.Arrangement;
import org.diffusionsoup.data.scene.SceneColour;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.data.scene.Subject;

/**
 * Makes questions about a scene from its truth, in TIFA v1.0's fields. What the truth leaves open
 * is not asked: the colour of things that kept their own, the place of several things, a subject
 * that may be called by the name of what is there. Every yes has its no.
 *
 * <p>A wrong answer to a yes-or-no question holds no held-out pair that the picture does not hold
 * ({@link Alterations#addsNoHeldOutPair}).
 */
public final class SceneQuestions {
    /** What is there. */
    public static final String OBJECT = "object";

    /** How many of it. */
    public static final String COUNT = "counting";

    /** The colour that a thing was given. */
    public static final String COLOUR = "color";

    /** Colour and pattern of the background. */
    public static final String BACKGROUND = "location";

    /** Where it is. */
    public static final String POSITION = "spatial";

    /** How it is drawn. */
    public static final String STYLE = "attribute";

    private static final int CHOICES = 4;
    private static final List<String> NUMBERS = List.of("one", "two", "three");

    /** Of the many scenes with one thing, or one in the middle, every n-th is asked about that. */
    private static final int USUAL = 4;

    private final String id;
    private final String caption;
    private final SceneTruth truth;
    private final Random random;
    private final List<JudgeQuestion> out = new ArrayList<>();

    private SceneQuestions(String id, String caption, SceneTruth truth, Random random) {
        this.id = id;
        this.caption = caption;
        this.truth = truth;
        this.random = random;
    }

    /** The questions of a shard's row, which depend on its key and truth alone. */
    public static List<JudgeQuestion> about(SampleInfo row) {
        String text = "scene-questions-1:" + row.key() + ":" + row.scene();
        String hash = Hashes.sha256Hex(text.getBytes(StandardCharsets.UTF_8));
        SceneTruth truth = SceneTruth.parse(row.scene(), "row " + row.key());
        // A row's own caption may leave things out, or belong to another picture.
        return about(
                row.key(),
                Captions.whole(truth),
                truth,
                Long.parseUnsignedLong(hash.substring(0, 16), 16));
    }

    /**
     * Questions about a picture.
     *
     * @param id of the picture
     * @param caption the prompt that a model would draw it from
     * @param truth what is on it
     * @param seed of the choice among possible questions and wrong answers
     * @return 6 to 25 questions, no two alike
     */
    public static List<JudgeQuestion> about(
            String id, String caption, SceneTruth truth, long seed) {
        SceneQuestions maker = new SceneQuestions(id, caption, truth, new Random(seed));
        maker.objects();
        for (int i = 0; i < truth.groups().size(); i++) {
            maker.count(i);
            maker.colour(i);
        }
        maker.background();
        maker.position();
        List<String> styles = new ArrayList<>(Alterations.STYLES);
        styles.remove(truth.style());
        maker.choice(STYLE, "which style is this?", truth.style(), maker.shuffled(styles));
        return List.copyOf(maker.out);
    }

    private void objects() {
        List<Subject> absent = shuffled(Alterations.absent(truth));
        int asked = 0;
        for (int i = 0; i < truth.groups().size(); i++) {
            Scene.Group g = truth.groups().get(i);
            yes(OBJECT, isThere(g.subject()));
            for (; asked < absent.size(); asked++) {
                Subject other = absent.get(asked);
                if (fits(truth.with(i, new Scene.Group(other, g.colour(), g.count())))) {
                    no(OBJECT, isThere(other));
                    asked++;
                    break;
                }
            }
        }
        String answer = pick(truth.groups()).subject().name();
        List<String> wrong = shuffled(absent).stream().map(Subject::name).toList();
        choice(OBJECT, "what is in the picture?", answer, wrong);
    }

    private static String isThere(Subject s) {
        return "is there " + new Scene.Group(s, Optional.empty(), 1).phrase() + " in the picture?";
    }

    private void count(int place) {
        Scene.Group g = truth.groups().get(place);
        if (g.count() == 1 && random.nextInt(USUAL) > 0) {
            return;
        }
        Subject s = g.subject();
        String answer = NUMBERS.get(g.count() - 1);
        List<String> wrong = NUMBERS.stream().filter(n -> !n.equals(answer)).toList();
        choice(COUNT, "how many " + s.plural() + " are there?", answer, wrong);
        yes(COUNT, areExactly(s, g.count()));
        List<Integer> others =
                shuffled(
                        List.of(1, 2, 3).stream()
                                .filter(n -> n != g.count())
                                .filter(n ->
                                        fits(truth.with(place, new Scene.Group(s, g.colour(), n))))
                                .toList());
        if (!others.isEmpty()) {
            no(COUNT, areExactly(s, others.getFirst()));
        }
    }

    private static String areExactly(Subject s, int count) {
        return count == 1
                ? "is there exactly one " + s.name() + "?"
                : "are there exactly " + NUMBERS.get(count - 1) + " " + s.plural() + "?";
    }

    private void colour(int place) {
        Scene.Group g = truth.groups().get(place);
        if (g.colour().isEmpty()) {
            return;
        }
        SceneColour own = g.colour().get();
        List<SceneColour> others =
                shuffled(SceneColour.TINTS.stream().filter(c -> c != own).toList());
        String are = is(g) + " the " + noun(g) + " ";
        String what = "what color " + is(g) + " the " + noun(g) + "?";
        choice(COLOUR, what, own.word(), others.stream().map(SceneColour::word).toList());
        yes(COLOUR, are + own.word() + "?");
        others.stream()
                .filter(c ->
                        fits(
                                truth.with(
                                        place,
                                        new Scene.Group(g.subject(), Optional.of(c), g.count()))))
                .findFirst()
                .ifPresent(c -> no(COLOUR, are + c.word() + "?"));
    }

    private void background() {
        List<SceneColour> others = shuffled(Alterations.otherGrounds(truth.ground()));
        choice(
                BACKGROUND,
                "what color is the background?",
                truth.ground().word(),
                others.stream().map(SceneColour::word).toList());
        yes(BACKGROUND, "is the background " + truth.ground().word() + "?");
        others.stream()
                .filter(c -> fits(truth.with(truth.layout(), c)))
                .findFirst()
                .ifPresent(c -> no(BACKGROUND, "is the background " + c.word() + "?"));
        Function<Background.Kind, String> word = k -> k.name().toLowerCase(Locale.ROOT);
        choice(
                BACKGROUND,
                "what pattern does the background have?",
                word.apply(truth.layout()),
                shuffled(
                        Arrays.stream(Background.Kind.values())
                                .filter(k -> k != truth.layout())
                                .map(word)
                                .toList()));
    }

    private void position() {
        if (truth.groups().size() == 2) {
            pair();
            return;
        }
        Scene.Group g = truth.groups().getFirst();
        Arrangement own = truth.arrangement();
        boolean usual = own == Arrangement.MIDDLE;
        if (g.count() > 1 || usual && random.nextInt(USUAL) > 0) {
            return;
        }
        List<String> wrong =
                shuffled(
                        Alterations.PLACES.stream()
                                .filter(p -> p != own)
                                .map(SceneQuestions::where)
                                .toList());
        choice(POSITION, "where is the " + noun(g) + "?", where(own), wrong);
        yes(POSITION, "is the " + noun(g) + " " + where(own) + "?");
        no(POSITION, "is the " + noun(g) + " " + wrong.getFirst() + "?");
    }

    private static String where(Arrangement place) {
        return place == Arrangement.MIDDLE ? "in the middle" : place.words();
    }

    /** Which of two is on which side. */
    private void pair() {
        boolean beside = truth.arrangement() == Arrangement.LEFT_OF;
        String a = noun(truth.groups().get(0));
        String b = noun(truth.groups().get(1));
        String before = beside ? "left of" : "above";
        String behind = beside ? "right of" : "below";
        boolean turned = random.nextBoolean();
        yes(POSITION, relation(turned ? b : a, turned ? behind : before, turned ? a : b));
        boolean wrong = random.nextBoolean();
        no(POSITION, relation(wrong ? b : a, wrong ? before : behind, wrong ? a : b));
        boolean first = random.nextBoolean();
        String place =
                beside
                        ? (first ? "on the left" : "on the right")
                        : "at the " + (first ? "top" : "bottom");
        List<String> others = new ArrayList<>(List.of(first ? b : a));
        shuffled(Alterations.absent(truth)).forEach(s -> others.add(s.name()));
        choice(POSITION, "what is " + place + "?", first ? a : b, others);
    }

    private static String relation(String a, String relation, String b) {
        return "is the " + a + " " + relation + " the " + b + "?";
    }

    private static String is(Scene.Group g) {
        return g.count() == 1 ? "is" : "are";
    }

    private static String noun(Scene.Group g) {
        return g.count() == 1 ? g.subject().name() : g.subject().plural();
    }

    private boolean fits(SceneTruth altered) {
        return Alterations.addsNoHeldOutPair(altered, truth);
    }

    private <T> List<T> shuffled(List<T> of) {
        List<T> list = new ArrayList<>(of);
        Collections.shuffle(list, random);
        return list;
    }

    private <T> T pick(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private void yes(String type, String question) {
        out.add(new JudgeQuestion(id, caption, question, QuestionMaker.YES_NO, "yes", type));
    }

    private void no(String type, String question) {
        out.add(new JudgeQuestion(id, caption, question, QuestionMaker.YES_NO, "no", type));
    }

    /** With the first of the wrong answers. */
    private void choice(String type, String question, String answer, List<String> wrong) {
        List<String> choices =
                new ArrayList<>(wrong.subList(0, Math.min(CHOICES - 1, wrong.size())));
        choices.add(answer);
        Collections.shuffle(choices, random);
        out.add(new JudgeQuestion(id, caption, question, choices, answer, type));
    }
}
