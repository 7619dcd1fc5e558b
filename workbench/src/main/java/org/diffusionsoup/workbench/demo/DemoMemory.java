package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.audit.MemorizationAudit;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Who draws the training pictures again (paper, Section 6.2, Fig. 6): two halves of a shard, seen
 * so often that their ingredients know them by heart, the soup of both, and a paragon of the same
 * steps on the whole. The regime is that of recipes/embedded/fig6.yaml.
 */
final class DemoMemory {
    /** Few pictures, and so seen often: 90 passes over a half with the full demo's steps. */
    private static final String DOMAIN = "vehicles";

    private static final int STEPS = 3;
    private static final int BATCH = 4;
    private static final int SHOWN = 8;

    /**
     * What came out.
     *
     * @param captions of the first pictures of half one
     * @param originals those pictures
     * @param prompts captions that were drawn, all of half one
     * @param passes how often the ingredient of a half has seen each of its pictures
     * @param rows the models, each with its drawings and its near copies of half one
     */
    record Made(
            List<String> captions,
            List<RgbImage> originals,
            int prompts,
            long passes,
            List<Row> rows) {}

    /**
     * One model.
     *
     * @param shares of near copies of half one among the drawings of each of its captions
     * @param drawings of all captions
     */
    record Row(String label, String note, List<RgbImage> pictures, double[] shares, int drawings) {
        /** The share of near copies, by bootstrap over captions. */
        Interval rate(Bootstrap bootstrap) {
            return bootstrap.mean(shares);
        }

        /** This model's share less another's, paired by caption. */
        Interval minus(Row other, Bootstrap bootstrap) {
            return bootstrap.pairedDifference(shares, other.shares);
        }
    }

    private DemoMemory() {}

    /** The models of this part. */
    static List<String> models() {
        return List.of("first-half", "second-half", "soup-of-halves", "both-halves-trained");
    }

    static Made run(DemoPlan plan, DemoKitchen kitchen, ClipJudge judge, Progress progress) {
        Shard all = ShardRef.parse(plan.shard(DOMAIN)).open().train();
        List<String> keys =
                new ArrayList<>(all.infos().stream().map(SampleInfo::key).sorted().toList());
        Collections.shuffle(keys, new Random(plan.seed()));
        int half = keys.size() / 2;
        String one = view(plan, keys.subList(0, half));
        String two = view(plan, keys.subList(half, keys.size()));
        long steps = STEPS * plan.steps();
        Path first = kitchen.train(models().get(0), List.of(one), steps, BATCH);
        Path second = kitchen.train(models().get(1), List.of(two), steps, BATCH);
        kitchen.soup(List.of(first, second), models().get(2));
        Path whole = kitchen.train(models().get(3), List.of(one, two), steps, BATCH);

        Shard guarded = ShardRef.parse(one).open();
        Shard others = ShardRef.parse(plan.shardsBut(DOMAIN)).open();
        int each = Math.max(1, plan.prompts() / 16);
        MemorizationAudit audit =
                new MemorizationAudit(judge, guarded, others, each * half, plan.seed(), progress);
        Drawing drawing = new Drawing(plan, kitchen, audit);
        List<Row> rows =
                List.of(
                        drawing.row("half one", "has seen these", first),
                        drawing.row("half two", "has not", second),
                        drawing.row("soup of both", "half of each", kitchen.model(models().get(2))),
                        drawing.row("paragon", "the whole, equal steps", whole));
        int shown = Math.min(SHOWN, half);
        return new Made(
                guarded.infos().stream().limit(shown).map(SampleInfo::prompt).toList(),
                guarded.samples().stream().limit(shown).map(s -> s.image()).toList(),
                half,
                steps * BATCH / half,
                rows);
    }

    private record Drawing(DemoPlan plan, DemoKitchen kitchen, MemorizationAudit audit) {
        Row row(String label, String note, Path model) {
            List<String> prompts = audit.prompts();
            List<Long> seeds =
                    LongStream.range(plan.seed(), plan.seed() + prompts.size()).boxed().toList();
            try (Generator generator = Generator.open(model, DemoKitchen.settings(plan))) {
                List<RgbImage> drawn =
                        kitchen.draw(List.of(model), generator, prompts, seeds, n -> {});
                MemorizationAudit.Result result = audit.of(label, generator.unetHash(), drawn);
                List<RgbImage> shown = new ArrayList<>();
                for (int i = 0; i < SHOWN; i++) {
                    int at = audit.drawn().indexOf(i);
                    if (at >= 0) {
                        shown.add(drawn.get(at));
                    }
                }
                return new Row(label, note, shown, shares(result), drawn.size());
            }
        }

        private double[] shares(MemorizationAudit.Result result) {
            double[] copies = new double[audit.shard().size()];
            double[] drawn = new double[copies.length];
            for (int i = 0; i < result.nearest().size(); i++) {
                int row = audit.drawn().get(i);
                drawn[row]++;
                copies[row] += result.nearest().get(i) < audit.threshold() ? 1 : 0;
            }
            for (int row = 0; row < copies.length; row++) {
                copies[row] /= drawn[row];
            }
            return copies;
        }
    }

    private static String view(DemoPlan plan, List<String> keys) {
        return plan.shard(DOMAIN)
                + "&key="
                + keys.stream().sorted().collect(Collectors.joining(","));
    }
}
