package org.diffusionsoup.workbench.judges.train;

import java.util.OptionalDouble;
import org.diffusionsoup.eval.Proportion;

/**
 * How often a judge was right about real held-out pictures.
 *
 * @param judge the judge's kind: {@code clip}, {@code vqa}, {@code reward} or {@code aesthetic}
 * @param task what it had to tell
 * @param right how often it could
 * @param chance how often guessing is right, 0 to 1
 * @param blind how often the answer that was most frequent in training to the same question is
 *     right, 0 to 1; empty where no question is asked and not looking is guessing
 * @param goal the share that a judge worth using reaches, 0 to 1; empty where none was set
 */
public record Accuracy(
        String judge,
        String task,
        Proportion right,
        double chance,
        OptionalDouble blind,
        OptionalDouble goal) {

    /** Of a task in which no question is asked. */
    public static Accuracy of(String judge, String task, long right, long of, double chance) {
        return new Accuracy(
                judge,
                task,
                new Proportion(right, of),
                chance,
                OptionalDouble.empty(),
                OptionalDouble.empty());
    }

    /** The same with a goal. */
    public Accuracy withGoal(double share) {
        return new Accuracy(judge, task, right, chance, blind, OptionalDouble.of(share));
    }

    /** Whether the 95 % interval lies wholly above what can be had without looking. */
    public boolean beatsChance() {
        return right.interval(0.95).low() > Math.max(chance, blind.orElse(0));
    }

    /** Whether the measured share reaches the goal; true where there is none. */
    public boolean meetsGoal() {
        return goal.isEmpty() || right.value() >= goal.getAsDouble();
    }
}
