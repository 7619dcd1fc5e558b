package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.workbench.evaluate.Evaluation;

/** An evaluation's means and differences, as a terminal shows them. */
final class EvaluationText {
    private EvaluationText() {}

    static void print(Evaluation e, PrintWriter text) {
        int width =
                Math.max(20, e.models().stream().mapToInt(m -> m.name().length()).max().orElse(0));
        for (Evaluation.Judged j : e.judges()) {
            text.println(j.name() + ": " + j.table().judge());
            for (ScoreTable.Row row : j.table().rows()) {
                text.printf(
                        "  %-" + width + "s %s%s%n",
                        row.score().model(),
                        row.score().mean().format(4),
                        row.toBaseline().map(EvaluationText::difference).orElse(""));
            }
        }
    }

    private static String difference(Interval d) {
        return "  to baseline " + d.format(4) + (d.contains(0) ? " (includes 0)" : "");
    }
}
