package org.diffusionsoup.workbench.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.RgbImage;

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

    private static final String LINES = "lineart";
    private static final int BATCH = 8;

    /** What one model drew of {@link #PROMPTS}. */
    record Row(String label, String note, List<RgbImage> pictures) {}

    private DemoStyles() {}

    /** The models of this part. */
    static List<String> models() {
        return List.of("line-art", "shaded", "both-styles");
    }

    static List<Row> run(DemoPlan plan, DemoKitchen kitchen, Shard all) {
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
        return List.of(
                row(kitchen, "base", "dirty, any style", plan.base()),
                row(kitchen, "line art", "ingredient", lines),
                row(kitchen, "shaded", "ingredient", shaded),
                row(kitchen, "soup of both", "half of each", kitchen.model("both-styles")));
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
