package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.audit.AuditRow;
import org.diffusionsoup.workbench.audit.MemorizationAudit;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Who draws the training pictures again (paper, Section 6.2, Fig. 6): two halves of a shard, seen
 * so often that their ingredients know them by heart, the soup of both, and a paragon of the same
 * steps on the whole.
 */
final class DemoMemory {
    private static final int HALF = 16;
    private static final int BATCH = 4;
    private static final int SHOWN = 8;

    /** Of other drawings of the domain so many in 100 are as close by chance. */
    static final int BY_CHANCE = 5;

    /**
     * What came out.
     *
     * @param captions of the first pictures of half one
     * @param originals those pictures
     * @param rows the models, each with its drawings for those captions and its audit against half
     *     one
     */
    record Made(List<String> captions, List<RgbImage> originals, List<Row> rows) {}

    /** One model. */
    record Row(String label, String note, List<RgbImage> pictures, AuditRow audit) {}

    private DemoMemory() {}

    /** The models of this part. */
    static List<String> models() {
        return List.of("half-one", "half-two", "both-halves", "whole");
    }

    static Made run(DemoPlan plan, DemoKitchen kitchen, ClipJudge judge, Progress progress) {
        String domain = plan.domains().getFirst();
        Shard all = ShardRef.parse(plan.shard(domain)).open().train();
        List<String> keys =
                new ArrayList<>(all.infos().stream().map(SampleInfo::key).sorted().toList());
        Collections.shuffle(keys, new Random(plan.seed()));
        int half = Math.min(HALF, keys.size() / 3);
        String one = view(plan, domain, keys.subList(0, half));
        String two = view(plan, domain, keys.subList(half, 2 * half));
        long steps = 2 * plan.steps();
        Path first = kitchen.train("half-one", List.of(one), steps, BATCH);
        Path second = kitchen.train("half-two", List.of(two), steps, BATCH);
        kitchen.soup(List.of(first, second), "both-halves");
        Path whole = kitchen.train("whole", List.of(one, two), steps, BATCH);

        Shard guarded = ShardRef.parse(one).open();
        Shard others = all.filter(r -> keys.indexOf(r.key()) >= 2 * half);
        int drawn = Math.max(half, 3 * plan.prompts() / 2);
        MemorizationAudit audit =
                new MemorizationAudit(
                        judge, guarded, others, BY_CHANCE / 100.0, drawn, plan.seed(), progress);
        List<Row> rows =
                List.of(
                        row(plan, progress, audit, "half one", "has seen these", first),
                        row(plan, progress, audit, "half two", "has not", second),
                        row(
                                plan,
                                progress,
                                audit,
                                "soup of both",
                                "half of each",
                                kitchen.model("both-halves")),
                        row(plan, progress, audit, "paragon", "the whole, equal steps", whole));
        int shown = Math.min(SHOWN, half);
        return new Made(
                guarded.infos().stream().limit(shown).map(SampleInfo::prompt).toList(),
                guarded.samples().stream().limit(shown).map(s -> s.image()).toList(),
                rows);
    }

    private static Row row(
            DemoPlan plan,
            Progress progress,
            MemorizationAudit audit,
            String label,
            String note,
            Path model) {
        try (Generator generator = Generator.open(model, DemoKitchen.settings(plan))) {
            MemorizationAudit.Result result = audit.of(generator, plan.seed(), progress);
            List<RgbImage> pictures = new ArrayList<>();
            for (int i = 0; i < SHOWN; i++) {
                int at = audit.drawn().indexOf(i);
                if (at >= 0) {
                    pictures.add(result.pictures().get(at));
                }
            }
            return new Row(label, note, pictures, new AuditRow("half one", audit, result));
        }
    }

    private static String view(DemoPlan plan, String domain, List<String> keys) {
        return plan.shard(domain)
                + "&key="
                + keys.stream().sorted().collect(Collectors.joining(","));
    }
}
