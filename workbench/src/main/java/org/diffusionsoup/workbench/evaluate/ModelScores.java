package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.eval.TifaJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.diffusionsoup.workbench.generate.Prompts;

/**
 * Scores of models on the same prompts and seeds, one model in memory at a time.
 *
 * @param table means, intervals and paired differences to the first model
 * @param sets every single score, in the models' order
 * @param unetHashes content hash of each model's UNet
 * @param schedulers class name of the scheduler each model was sampled with
 * @param byType per model, share of questions answered rightly by element type; empty maps where
 *     the judge asks none
 */
public record ModelScores(
        ScoreTable table,
        List<ScoreSet> sets,
        List<String> unetHashes,
        List<String> schedulers,
        List<SortedMap<String, Proportion>> byType) {
    public ModelScores {
        sets = List.copyOf(sets);
        unetHashes = List.copyOf(unetHashes);
        schedulers = List.copyOf(schedulers);
        byType = List.copyOf(byType);
    }

    /**
     * Draws and scores.
     *
     * @param models folders in diffusers layout, one or more
     * @param prompts two or more, all different
     * @param seeds one or more
     * @throws SoupException before anything is drawn where an interval could not be made
     */
    public static ModelScores measure(
            PictureScorer judge,
            List<Path> models,
            List<String> prompts,
            List<Long> seeds,
            GenerateSettings settings,
            Bootstrap bootstrap,
            Progress progress) {
        if (models.isEmpty()) {
            throw new SoupException("Scoring prompts needs a model; give one with `model`.");
        }
        if (prompts.size() < 2) {
            throw new SoupException(
                    "A score with its interval needs at least two prompts, got %d."
                            .formatted(prompts.size()));
        }
        Prompts.requireDistinct(prompts);
        List<String> names = ModelNames.of(models);
        List<ScoreSet> sets = new ArrayList<>();
        List<String> hashes = new ArrayList<>();
        List<String> schedulers = new ArrayList<>();
        List<SortedMap<String, Proportion>> byType = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            try (Generator generator = Generator.open(models.get(i), settings)) {
                hashes.add(generator.unetHash());
                schedulers.add(generator.schedulerName());
                sets.add(
                        PictureScores.of(
                                judge,
                                names.get(i),
                                prompts,
                                generator.grid(prompts, seeds, progress)));
                byType.add(
                        judge instanceof TifaJudge tifa
                                ? tifa.takeAccuracyByType()
                                : new TreeMap<>());
            }
        }
        return new ModelScores(
                ScoreTable.compare(sets, names.getFirst(), bootstrap),
                sets,
                hashes,
                schedulers,
                byType);
    }
}
