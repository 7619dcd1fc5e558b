package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.generate.GenerateSettings;

/**
 * Models × prompts × seeds × judges.
 *
 * @param name heading of the page
 * @param models by name, in the order of the tables; at least one
 * @param training how models that are to be trained are; empty if none is
 * @param prompts two or more, different
 * @param validation prompts that a search may look at; none of them in {@code prompts}
 * @param seeds one or more
 * @param settings of the sampler, the same for all models
 * @param judges by name, in the tables' order; at least one
 * @param baseline name of the model that differences are taken to
 */
public record EvaluationRecipe(
        String name,
        Map<String, ModelSpec> models,
        Optional<Training> training,
        List<String> prompts,
        List<String> validation,
        List<Long> seeds,
        GenerateSettings settings,
        Map<String, JudgeSpec> judges,
        String baseline) {

    /**
     * How ingredients are made.
     *
     * @param base their shared base
     * @param steps optimizer steps of a model with one shard
     * @param batch pictures per step
     * @param rate learning rate
     * @param seed of the training
     */
    public record Training(Path base, long steps, int batch, double rate, long seed) {}

    /** Where a model comes from. */
    public sealed interface ModelSpec {
        /** A folder in diffusers layout. */
        record Folder(Path path) implements ModelSpec {}

        /** Fine-tuned from the base on the union of shards; steps of 0 for the recipe's number. */
        record Train(List<String> shards, long steps) implements ModelSpec {}

        /** Uniform soup of models before it. */
        record Soup(List<String> of) implements ModelSpec {}

        /**
         * The soup that a search finds among models before it.
         *
         * @param method greedy or reverse-greedy
         * @param judge who is asked, by name
         */
        record Search(String method, List<String> of, String judge) implements ModelSpec {}
    }

    public EvaluationRecipe {
        prompts = List.copyOf(prompts);
        validation = List.copyOf(validation);
        seeds = List.copyOf(seeds);
        if (!models.containsKey(baseline)) {
            throw new SoupException(
                    "baseline '%s' is not among the models %s."
                            .formatted(baseline, models.keySet()));
        }
        if (prompts.size() < 2 || prompts.stream().distinct().count() < prompts.size()) {
            throw new SoupException(
                    "An evaluation needs two prompts or more, all different; the recipe gives "
                            + prompts.size()
                            + ".");
        }
    }
}
