package org.diffusionsoup.cli.train;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.workbench.train.BucketPlan;
import org.diffusionsoup.workbench.train.FineTuner;

/** What a training would take, as {@code soup train} tells it. */
final class TrainingPlans {
    private TrainingPlans() {}

    /** At the start of a training. */
    static void note(FineTuner.Plan plan, Console console) {
        plan.memory().ifPresent(m -> console.note(m.sentence()));
        plan.buckets().map(BucketPlan::sentences).orElse(List.of()).forEach(console::note);
    }

    /** All that {@code --dry-run} tells. */
    static Map<String, Object> json(FineTuner.Plan plan) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("rows", plan.rows());
        all.put("steps", plan.steps());
        plan.memory()
                .ifPresent(m -> {
                    all.put("memory", m);
                    all.put("bytes", m.total());
                });
        plan.buckets().ifPresent(b -> buckets(b, all));
        return all;
    }

    /** Buckets, and what is enlarged or cut off much. */
    static void buckets(BucketPlan plan, Map<String, Object> all) {
        all.put("buckets", plan.buckets());
        all.put("enlarged", plan.enlarged());
        all.put("cut", plan.cut());
    }

    static void describe(FineTuner.Plan plan, PrintWriter text) {
        text.println(
                "%s, %s"
                        .formatted(
                                Quantity.of(plan.rows(), "picture"),
                                Quantity.of(plan.steps(), "step")));
        plan.memory().ifPresent(m -> text.println(Flags.in(m.sentence())));
        plan.buckets().map(BucketPlan::sentences).orElse(List.of()).forEach(text::println);
    }
}
