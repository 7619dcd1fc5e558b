package org.diffusionsoup.workbench.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.PictureScores;

/**
 * Two styles in one soup (paper, Section 6.2 and Appendix D): one ingredient learns line art,
 * another shaded drawings of other subjects, both without a word for the style in their captions.
 * The same prompts, without such a word too, show what each learnt and what their mean makes of it.
 */
final class DemoStyles {
    /** Things that the base draws well. */
    static final List<String> PROMPTS =
            List.of(
                    "red apple",
                    "grinning face",
                    "dog face",
                    "rocket",
                    "sunflower",
                    "purple heart",
                    "automobile",
                    "soccer ball",
                    "mushroom");

    /** Labels of what is compared. */
    static final String BOTH = "soup of both";

    static final String LINE_ART = "line art";
    static final String SHADED = "shaded";

    private static final String LINES = "lineart";
    private static final int BATCH = 8;

    /** What one model drew of {@link #PROMPTS}. */
    record Row(String label, String note, List<RgbImage> pictures) {}

    /**
     * What this part made.
     *
     * @param asked captions of {@link #likeness}: things that both providers drew, without a style
     * @param likeness how like each style what a model draws is, by the model's label: scores of
     *     the judge for the captions with the word for line art, and with the shaded provider's
     */
    record Made(List<Row> rows, List<String> asked, Map<String, Likeness> likeness) {}

    /** Scores per caption as line art, and as the shaded provider's. */
    record Likeness(ScoreSet lines, ScoreSet shaded) {}

    private DemoStyles() {}

    /** The models of this part. */
    static List<String> models() {
        return List.of("line-art", "shaded", "both-styles");
    }

    static Made run(DemoPlan plan, DemoKitchen kitchen, Shard all, ClipJudge clip) {
        long steps = plan.steps() * 5 / 4;
        Path lines =
                kitchen.train(
                        "line-art", List.of(shard(plan, all, LINES, 0).toString()), steps, BATCH);
        Path shaded =
                kitchen.train(
                        "shaded",
                        List.of(shard(plan, all, plan.provider(), 1).toString()),
                        steps,
                        BATCH);
        kitchen.soup(List.of(lines, shaded), "both-styles");
        Path both = kitchen.model("both-styles");
        List<String> asked = asked(plan, all);
        Map<String, Likeness> likeness = new LinkedHashMap<>();
        likeness.put(BOTH, likeness(plan, kitchen, clip, asked, BOTH, both));
        likeness.put(LINE_ART, likeness(plan, kitchen, clip, asked, LINE_ART, lines));
        likeness.put(SHADED, likeness(plan, kitchen, clip, asked, SHADED, shaded));
        return new Made(
                List.of(
                        row(kitchen, "base", "dirty, any style", plan.base()),
                        row(kitchen, LINE_ART, "ingredient", lines),
                        row(kitchen, SHADED, "ingredient", shaded),
                        row(kitchen, BOTH, "half of each", both)),
                asked,
                likeness);
    }

    /** Things that both providers drew: half as many as the demo has prompts. */
    private static List<String> asked(DemoPlan plan, Shard all) {
        Set<String> names = names(plan, all, LINES);
        names.retainAll(names(plan, all, plan.provider()));
        List<String> shuffled = new ArrayList<>(names);
        Collections.shuffle(shuffled, new Random(plan.seed()));
        return shuffled.subList(0, Math.min(plan.prompts() / 2, shuffled.size()));
    }

    private static Set<String> names(DemoPlan plan, Shard all, String provider) {
        Set<String> names = new LinkedHashSet<>();
        all.train()
                .filter(r -> r.provider().equals(provider))
                .filter(r -> plan.domains().contains(r.domain()))
                .infos()
                .forEach(r -> names.add(r.withoutStyle().prompt()));
        return names;
    }

    private static Likeness likeness(
            DemoPlan plan,
            DemoKitchen kitchen,
            ClipJudge clip,
            List<String> asked,
            String label,
            Path model) {
        List<List<RgbImage>> pictures = kitchen.draw(model, asked).stream().map(List::of).toList();
        return new Likeness(
                PictureScores.of(clip, label, in(LINES, asked), pictures),
                PictureScores.of(clip, label, in(plan.provider(), asked), pictures));
    }

    private static List<String> in(String style, List<String> asked) {
        return asked.stream().map(name -> style + " " + name).toList();
    }

    private static Row row(DemoKitchen kitchen, String label, String note, Path model) {
        return new Row(label, note, kitchen.draw(model, PROMPTS));
    }

    /** Every other subject of a provider, with captions that say nothing of the style. */
    private static Path shard(DemoPlan plan, Shard all, String provider, int half) {
        Path tar = plan.out().resolve("shards").resolve(provider + ".tar");
        if (!Files.exists(tar)) {
            List<Sample> rows = new ArrayList<>();
            all
                    .train()
                    .filter(r -> r.provider().equals(provider))
                    .filter(r -> plan.domains().contains(r.domain()))
                    .filter(r -> Math.floorMod(r.subject().hashCode(), 2) == half)
                    .stream()
                    .forEach(row -> rows.add(new Sample(row.info().withoutStyle(), row.png())));
            ShardWriter.write(tar, rows);
        }
        return tar;
    }
}
