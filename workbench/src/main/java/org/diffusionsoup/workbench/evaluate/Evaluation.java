package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;

/**
 * What an evaluation measured.
 *
 * @param recipe what was asked
 * @param models in the recipe's order
 * @param judges in the recipe's order
 * @param drawn pictures drawn by this run; the others were in the cache
 * @param seconds the run took
 */
public record Evaluation(
        EvaluationRecipe recipe,
        List<Model> models,
        List<Judged> judges,
        int drawn,
        double seconds) {

    /**
     * A model and its pictures.
     *
     * @param name in tables
     * @param made what it was loaded from
     * @param hash of all its components
     * @param pictures [prompt][seed] files
     */
    public record Model(String name, MadeModel made, String hash, List<List<Path>> pictures) {}

    /**
     * One judge's scores.
     *
     * @param name in the recipe
     * @param sets every single score, in the models' order
     * @param table means with intervals and paired differences to the baseline
     */
    public record Judged(String name, List<ScoreSet> sets, ScoreTable table) {}

    public Evaluation {
        models = List.copyOf(models);
        judges = List.copyOf(judges);
    }

    /** Scores of one model by judge name. */
    public Map<String, ScoreSet> scores(int model) {
        Map<String, ScoreSet> out = new LinkedHashMap<>();
        judges.forEach(j -> out.put(j.name(), j.sets().get(model)));
        return out;
    }
}
