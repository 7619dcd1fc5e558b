package org.diffusionsoup.cli.train;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.workbench.registry.RegisteredTraining;
import org.diffusionsoup.workbench.train.BucketPlan;
import org.diffusionsoup.workbench.train.FineTuner;
import org.diffusionsoup.workbench.train.FinishedRun;

/** What a training would take, or has made, as {@code soup train} tells it. */
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

    /** Of a run that was finished before and is only recorded now. */
    static void recorded(FinishedRun run, RegisteredTraining.Recorded ingredient, Console console) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("out", run.out());
        all.put("weightsSha256", run.weightsSha256());
        all.put("rows", run.rows());
        all.put("steps", run.steps());
        all.put("resumedFrom", run.steps());
        all.put("ingredient", ingredient);
        console.result(
                all,
                text -> {
                    text.println(
                            run.out()
                                    + ": "
                                    + Quantity.of(run.rows(), "picture")
                                    + ", "
                                    + Quantity.of(run.steps(), "step")
                                    + ", trained before this");
                    text.println("UNet " + run.weightsSha256());
                    ingredient.lines().forEach(text::println);
                });
    }
}
