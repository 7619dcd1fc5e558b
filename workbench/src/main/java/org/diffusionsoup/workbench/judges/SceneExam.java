package org.diffusionsoup.workbench.judges;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.diffusionsoup.data.scene.Alterations;
import org.diffusionsoup.data.scene.Alterations.Altered;
import org.diffusionsoup.data.scene.Alterations.Attribute;
import org.diffusionsoup.data.scene.Captions;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.JudgeQuestion;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.SceneQuestions;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.PairAccuracy;
import org.diffusionsoup.workbench.judges.train.SceneRewardObjective;

/**
 * Scenes of held-out combinations and what judges have to tell of them, with the shares that judges
 * worth using reach. The same number of scenes gives the same exam.
 */
public final class SceneExam {
    /** Prompts that a picture's own has to be found among. */
    public static final int PROMPTS = 100;

    private static final double PAIR_GOAL = 0.92;
    private static final double RETRIEVAL_GOAL = 0.8;

    private final JudgeScenes scenes;
    private final List<JudgeScenes.Row> rows;

    /**
     * @param pictures how many scenes
     */
    public SceneExam(JudgeScenes scenes, int pictures) {
        this.scenes = scenes;
        rows = LongStream.range(0, pictures).mapToObj(scenes::heldOut).toList();
    }

    /** The scenes. */
    List<JudgeScenes.Row> rows() {
        return rows;
    }

    /** Their pictures, undamaged. */
    public List<RgbImage> images() {
        return rows.stream().map(JudgeScenes.Row::image).toList();
    }

    /** The questions of each. */
    List<List<JudgeQuestion>> questions() {
        return said().stream().map(Said::questions).toList();
    }

    /** What is rightly said of each. */
    public List<Said> said() {
        List<Said> out = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            SceneTruth truth = rows.get(i).truth();
            String caption = Captions.whole(truth);
            String id = "scene" + i;
            out.add(new Said(caption, SceneQuestions.about(id, caption, truth, i)));
        }
        return out;
    }

    /** What a question is about, in a table's words. */
    static String kind(JudgeQuestion q) {
        return switch (q.elementType()) {
            case SceneQuestions.OBJECT -> "objects";
            case SceneQuestions.COUNT -> "counts";
            case SceneQuestions.COLOUR -> "colours";
            case SceneQuestions.POSITION -> "positions";
            case SceneQuestions.BACKGROUND -> "backgrounds";
            case SceneQuestions.STYLE -> "styles";
            default -> throw new IllegalArgumentException(q.elementType());
        };
    }

    /** With the goal of its kind of question. */
    static Accuracy withGoal(Accuracy a) {
        return switch (a.task()) {
            case "objects", "colours" -> a.withGoal(0.95);
            case "counts", "positions" -> a.withGoal(0.9);
            default -> a;
        };
    }

    /** Whether every picture finds its own prompt among those that differ in one attribute. */
    List<Accuracy> retrieval(String judge, ClipJudge clip) {
        long best = 0;
        Map<Attribute, double[]> by = new EnumMap<>(Attribute.class); // right, asked, by chance
        for (int i = 0; i < rows.size(); i++) {
            SceneTruth truth = rows.get(i).truth();
            List<Altered> others = others(truth, i);
            List<String> prompts = new ArrayList<>(List.of(Captions.whole(truth)));
            others.forEach(o -> prompts.add(Captions.whole(o.truth())));
            double[] found =
                    clip.cosines(List.of(PictureScores.picture(rows.get(i).image())), prompts)[0];
            Map<Attribute, Integer> there = new EnumMap<>(Attribute.class);
            Set<Attribute> taken = EnumSet.noneOf(Attribute.class);
            for (int k = 0; k < others.size(); k++) {
                there.merge(others.get(k).attribute(), 1, Integer::sum);
                if (found[k + 1] >= found[0]) {
                    taken.add(others.get(k).attribute());
                }
            }
            best += taken.isEmpty() ? 1 : 0;
            there.forEach((a, rivals) -> {
                double[] counts = by.computeIfAbsent(a, k -> new double[3]);
                counts[0] += taken.contains(a) ? 0 : 1;
                counts[1]++;
                counts[2] += 1.0 / (1 + rivals);
            });
        }
        List<Accuracy> out = new ArrayList<>();
        String task = "best of %d prompts that differ in one attribute".formatted(PROMPTS);
        out.add(
                Accuracy.of(judge, task, best, rows.size(), 1.0 / PROMPTS)
                        .withGoal(RETRIEVAL_GOAL));
        by.forEach((a, counts) -> {
            String only = "of those that differ in " + a.name().toLowerCase(Locale.ROOT);
            out.add(
                    Accuracy.of(
                            judge,
                            only,
                            (long) counts[0],
                            (long) counts[1],
                            counts[2] / counts[1]));
        });
        return out;
    }

    /**
     * As many as make {@value #PROMPTS} prompts with the right one: all that differ in something
     * else than an object, other objects, and where those do not suffice, alterations of these.
     */
    public static List<Altered> others(SceneTruth truth, long seed) {
        List<Altered> all = new ArrayList<>(Alterations.of(truth));
        Collections.shuffle(all, new Random(seed));
        List<Altered> out =
                new ArrayList<>(
                        all.stream().filter(a -> a.attribute() != Attribute.OBJECT).toList());
        List<Altered> objects =
                all.stream().filter(a -> a.attribute() == Attribute.OBJECT).toList();
        out.addAll(objects.subList(0, Math.min(objects.size(), PROMPTS - 1 - out.size())));
        for (int i = 0; out.size() < PROMPTS - 1; i++) {
            SceneTruth object = objects.get(i).truth();
            out.add(
                    new Altered(
                            Attribute.OBJECT,
                            object.with(
                                    object.layout(),
                                    Alterations.otherGrounds(object.ground()).getFirst())));
        }
        return out;
    }

    /** Kinds of pairs of which one is known to be better. */
    public enum Pairs {
        DAMAGED("undamaged before damaged, both as captioned", PAIR_GOAL),
        OTHER_BEFORE_DAMAGED(
                "damaged and as captioned before undamaged with another's caption", PAIR_GOAL),
        ALTERED_BEFORE_DAMAGED(
                "damaged and as captioned before undamaged with one attribute wrong", PAIR_GOAL),
        OTHER("own caption before another's, both undamaged", PAIR_GOAL),
        ALTERED("own caption before one attribute wrong, both undamaged", PAIR_GOAL),
        GRADES("better of two grades, AE1 to AE5", 0);

        private final String words;
        private final double goal;

        Pairs(String words, double goal) {
            this.words = words;
            this.goal = goal;
        }
    }

    /** How often the better of two gets the higher score; ties count as wrong. */
    public List<Accuracy> pairs(String judge, List<Pairs> kinds, PairAccuracy.Scorer scorer) {
        List<Accuracy> out = new ArrayList<>();
        for (Pairs kind : kinds) {
            List<RgbImage> images = new ArrayList<>();
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < rows.size(); i++) {
                pair(kind, i, images, texts);
            }
            if (!images.isEmpty()) {
                out.add(PairAccuracy.of(judge, kind.words, images, texts, scorer));
            }
        }
        long right = out.stream().mapToLong(a -> a.right().hits()).sum();
        long all = out.stream().mapToLong(a -> a.right().total()).sum();
        List<Accuracy> told = new ArrayList<>();
        for (int i = 0; i < out.size(); i++) {
            double goal = kinds.get(i).goal;
            told.add(goal > 0 ? out.get(i).withGoal(goal) : out.get(i));
        }
        told.add(Accuracy.of(judge, "better of two: all kinds", right, all, 0.5));
        return told;
    }

    /** Adds the better one and the worse one. */
    private void pair(Pairs kind, int i, List<RgbImage> images, List<String> texts) {
        JudgeScenes.Row row = rows.get(i);
        RandomGenerator random =
                new SplittableRandom(Rng.mix(kind.ordinal(), i)); // the same for every judge
        String own = Captions.whole(row.truth());
        RgbImage damaged = JudgeScenes.damaged(row.image(), 0.1, 1, random);
        String other = Captions.whole(another(i).truth());
        List<Altered> wrong = Alterations.of(row.truth());
        String altered = Captions.whole(JudgeScenes.altered(wrong, random));
        switch (kind) {
            case DAMAGED -> add(row.image(), own, damaged, own, images, texts);
            case OTHER_BEFORE_DAMAGED -> add(damaged, own, row.image(), other, images, texts);
            case ALTERED_BEFORE_DAMAGED -> add(damaged, own, row.image(), altered, images, texts);
            case OTHER -> add(row.image(), own, row.image(), other, images, texts);
            case ALTERED -> add(row.image(), own, row.image(), altered, images, texts);
            case GRADES -> {
                List<Tier> grades = SceneRewardObjective.GRADED;
                int worse = random.nextInt(grades.size() - 1);
                int better = worse + 1 + random.nextInt(grades.size() - 1 - worse);
                RgbImage a = scenes.tier(row, grades.get(better), random.nextLong());
                RgbImage b = scenes.tier(row, grades.get(worse), random.nextLong());
                if (!a.equals(b)) { // the best two can be alike
                    add(a, own, b, own, images, texts);
                }
            }
        }
    }

    private static void add(
            RgbImage better,
            String betterText,
            RgbImage worse,
            String worseText,
            List<RgbImage> images,
            List<String> texts) {
        images.addAll(List.of(better, worse));
        texts.addAll(List.of(betterText, worseText));
    }

    /** The row half an exam on, or the next after it that shows something else. */
    JudgeScenes.Row another(int i) {
        return rows.get(anotherIndex(i));
    }

    /** The index of {@link #another}. */
    int anotherIndex(int i) {
        for (int k = 0; k < rows.size(); k++) {
            int j = (i + rows.size() / 2 + k) % rows.size();
            if (!rows.get(j).truth().equals(rows.get(i).truth())) {
                return j;
            }
        }
        throw new IllegalStateException("all scenes of the exam are alike");
    }
}
