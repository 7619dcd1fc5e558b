package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.scene.Damage;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.question.BlindAnswers;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.SceneQuestions;
import org.diffusionsoup.workbench.judges.train.Accuracy;

/**
 * Says how far judges of scenes can be trusted, on scenes of combinations that training never sees:
 * how often each is right, and whether its score falls at every step as each of the eight damages
 * grows and as more captions are swapped.
 */
public final class SceneJudgeCheck {
    /** Scenes whose questions say which answers are frequent in training. */
    private static final int TRAINED = 4000;

    /** Fewest scenes of an exam: others have to lend their captions. */
    private static final int FEWEST = 8;

    private final JudgeScenes scenes;
    private final int pictures;
    private final Progress progress;

    /**
     * @param drawings that scenes are made of
     * @param pictures scenes to look at, at least {@value #FEWEST}
     */
    public SceneJudgeCheck(Drawings drawings, int pictures, Progress progress) {
        if (pictures < FEWEST) {
            throw new SoupException(
                    "a check needs %d scenes or more, not %d.".formatted(FEWEST, pictures));
        }
        this.scenes = new JudgeScenes(drawings);
        this.pictures = pictures;
        this.progress = progress;
    }

    /**
     * Checks judges.
     *
     * @param judges folder by kind
     * @throws SoupException if a judge cannot be loaded
     */
    public JudgeReport run(Map<JudgeKind, Path> judges) {
        progress.start("make scenes", pictures, "scenes");
        SceneExam exam = new SceneExam(scenes, pictures);
        progress.advance(pictures);
        List<Accuracy> accuracies = new ArrayList<>();
        List<Fall> falls = new ArrayList<>();
        for (JudgeKind kind : JudgeKind.values()) {
            if (!judges.containsKey(kind)) {
                continue;
            }
            try (Examinee judge = JudgeCheck.load(kind, judges, this::blind)) {
                progress.start("check " + judge.name(), Damage.values().length + 2L, "parts");
                accuracies.addAll(judge.accuracies(exam));
                progress.advance(1);
                falls(judge, exam, falls);
            }
        }
        return new JudgeReport(accuracies, falls);
    }

    private BlindAnswers blind() {
        return new BlindAnswers(
                IntStream.range(0, TRAINED)
                        .boxed()
                        .flatMap(i ->
                                SceneQuestions.about("", "", scenes.knownTruth(0, i), i).stream()));
    }

    private void falls(Examinee judge, SceneExam exam, List<Fall> out) {
        List<Said> said = exam.said();
        List<RgbImage> images = exam.images();
        double whole = mean(judge.scores(images, said));
        List<Double> levels = JudgeCheck.LEVELS;
        double[] sums = new double[levels.size()];
        Map<Damage, Fall> by = new EnumMap<>(Damage.class);
        for (Damage damage : Damage.values()) {
            List<Double> means = new ArrayList<>();
            for (int k = 0; k < levels.size(); k++) {
                double level = levels.get(k);
                double mean =
                        level == 0 ? whole : mean(judge.scores(damaged(exam, damage, level), said));
                means.add(mean);
                sums[k] += mean / Damage.values().length;
            }
            String name = damage.name().toLowerCase(Locale.ROOT);
            by.put(damage, new Fall(judge.name(), name, levels, means, images.size()));
            progress.advance(1);
        }
        out.add(
                new Fall(
                        judge.name(),
                        "all eight damages",
                        levels,
                        Arrays.stream(sums).boxed().toList(),
                        images.size()));
        out.addAll(by.values());
        if (judge.reads()) {
            out.add(
                    JudgeCheck.fall(
                            judge,
                            "swapped captions",
                            images.size(),
                            level -> judge.scores(images, swapped(exam, said, level))));
        }
        progress.advance(1);
    }

    /** The same scraps, grains and marks at every level, only stronger. */
    private static List<RgbImage> damaged(SceneExam exam, Damage damage, double level) {
        List<RgbImage> out = new ArrayList<>();
        for (int i = 0; i < exam.rows().size(); i++) {
            RgbImage image = exam.rows().get(i).image();
            out.add(damage.of(image, (float) level, Rng.mix(damage.ordinal(), i)));
        }
        return out;
    }

    /** Of each sort of scenes as many are said to be what another one is. */
    private static List<Said> swapped(SceneExam exam, List<Said> said, double level) {
        List<Said> out = new ArrayList<>(said);
        long swaps = Math.round(level * said.size());
        for (int i = 0; i < swaps; i++) {
            out.set(i, said.get(exam.anotherIndex(i)));
        }
        return out;
    }

    private static double mean(double[] scores) {
        return Arrays.stream(scores).average().orElseThrow();
    }
}
