package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.workbench.generate.GenerateSettings;

/**
 * Models × prompts × seeds × judges.
 *
 * @param name heading of the page
 * @param shards that are made first, by the names that models and judges have for them
 * @param models by name, in the order of the tables; at least one
 * @param sweep where the models of a sweep stand in it, by name; empty if nothing is swept
 * @param prompts two or more, different
 * @param validation prompts that a search may look at; none of them in {@code prompts}
 * @param seeds one or more
 * @param settings of the sampler, the same for all models
 * @param judges by name, in the tables' order; at least one
 * @param baseline name of the model that differences are taken to; in a sweep it may be a curve's
 *     name, and stands for that curve's model at the same place
 */
public record EvaluationRecipe(
        String name,
        Map<String, RecipeShards.Spec> shards,
        Map<String, ModelSpec> models,
        Map<String, Place> sweep,
        List<String> prompts,
        List<String> validation,
        List<Long> seeds,
        GenerateSettings settings,
        Map<String, RecipeJudge> judges,
        String baseline) {

    /**
     * How an ingredient is made.
     *
     * @param base the shared base
     * @param steps optimizer steps of the whole run
     * @param batch pictures per step
     * @param rate learning rate
     * @param seed of the training
     * @param keepEvery steps between the models that the run keeps on its way, 0 for none
     * @param lora rank of the factors that are trained and then put into the base, on attention
     *     alone and as strong as they are; 0 to train the UNet's weights themselves
     * @param loss weights of timesteps and kind of noise
     */
    public record Training(
            Path base,
            long steps,
            int batch,
            double rate,
            long seed,
            long keepEvery,
            int lora,
            DenoisingLoss loss) {
        Training from(Path other) {
            return new Training(other, steps, batch, rate, seed, keepEvery, lora, loss);
        }
    }

    /**
     * Where a model stands in a sweep.
     *
     * @param curve the model's name in the recipe
     * @param steps of the recipe's list; a model that trains longer has its multiple of them
     * @param rate learning rate
     */
    public record Place(String curve, long steps, double rate) {
        /** A learning rate as people write it: 5e-4. */
        static String text(double rate) {
            return rate < 1e-2
                    ? String.format(Locale.ROOT, "%.2e", rate).replaceFirst("\\.?0*e-0*", "e-")
                    : Double.toString(rate);
        }
    }

    /** Where a model comes from. */
    public sealed interface ModelSpec {
        /** A folder in diffusers layout. */
        record Folder(Path path) implements ModelSpec {}

        /**
         * Fine-tuned from the base on the union of shards.
         *
         * @param label of the run
         * @param after steps after which the model was taken from the run, at most its own
         */
        record Train(String label, List<String> shards, Training how, long after)
                implements ModelSpec {}

        /**
         * Weighted soup of models before it.
         *
         * @param coefficients positive, with sum 1; empty for the uniform soup
         */
        record Soup(List<String> of, List<Coefficient> coefficients) implements ModelSpec {}

        /**
         * The mean of the predictions of models before it, at every step (paper, Eq. 5).
         *
         * @param coefficients positive, with sum 1; empty for equal ones
         * @param sequential whether one UNet takes the weights of all in turn
         */
        record Ensemble(List<String> of, List<Coefficient> coefficients, boolean sequential)
                implements ModelSpec {}

        /**
         * An ensemble, or a soup, of trained models before it whose coefficients a classifier of
         * their shards gives for every sample and timestep (paper, Appendix C, Proposition 2).
         *
         * @param resouped whether weights are averaged instead of predictions
         * @param sequential as of {@link Ensemble}; not where weights are averaged
         */
        record Classified(List<String> of, boolean resouped, boolean sequential)
                implements ModelSpec {}

        /**
         * The soup that a search finds among models before it.
         *
         * @param method greedy, reverse-greedy or simplex
         * @param judge who is asked, by name
         * @param budget soups that may be scored at most
         */
        record Search(String method, List<String> of, String judge, int budget)
                implements ModelSpec {}
    }

    public EvaluationRecipe {
        shards = Collections.unmodifiableMap(new LinkedHashMap<>(shards));
        models = Collections.unmodifiableMap(new LinkedHashMap<>(models));
        sweep = Collections.unmodifiableMap(new LinkedHashMap<>(sweep));
        judges = Collections.unmodifiableMap(new LinkedHashMap<>(judges));
        prompts = List.copyOf(prompts);
        validation = List.copyOf(validation);
        seeds = List.copyOf(seeds);
        List<String> names =
                Stream.concat(models.keySet().stream(), sweep.values().stream().map(Place::curve))
                        .distinct()
                        .toList();
        if (!names.contains(baseline)) {
            throw new SoupException(
                    "baseline '%s' is not among the models %s.".formatted(baseline, names));
        }
        if (prompts.size() < 2 || prompts.stream().distinct().count() < prompts.size()) {
            throw new SoupException(
                    "An evaluation needs two prompts or more, all different; the recipe gives "
                            + prompts.size()
                            + ".");
        }
    }

    /**
     * The same with paths in place of the names of shards that were made.
     *
     * @param made by the names of {@code shards}
     */
    EvaluationRecipe withShards(Map<String, Path> made) {
        UnaryOperator<String> path = ref -> made.containsKey(ref) ? made.get(ref).toString() : ref;
        Map<String, ModelSpec> trained = new LinkedHashMap<>();
        models.forEach((name, spec) ->
                trained.put(
                        name,
                        spec instanceof ModelSpec.Train t
                                ? new ModelSpec.Train(
                                        t.label(),
                                        t.shards().stream().map(path).toList(),
                                        t.how(),
                                        t.after())
                                : spec));
        Map<String, RecipeJudge> asked = new LinkedHashMap<>();
        judges.forEach((name, judge) -> asked.put(name, judge.withShards(path)));
        return new EvaluationRecipe(
                name,
                Map.of(),
                trained,
                sweep,
                prompts,
                validation,
                seeds,
                settings,
                asked,
                baseline);
    }

    /**
     * The same with other places of the models and the base that it names, such as folders that
     * single files are run from.
     *
     * @param place gives each path's
     */
    public EvaluationRecipe withModels(UnaryOperator<Path> place) {
        Map<String, ModelSpec> placed = new LinkedHashMap<>();
        models.forEach((name, spec) ->
                placed.put(
                        name,
                        switch (spec) {
                            case ModelSpec.Folder f -> new ModelSpec.Folder(place.apply(f.path()));
                            case ModelSpec.Train t ->
                                    new ModelSpec.Train(
                                            t.label(),
                                            t.shards(),
                                            t.how().from(place.apply(t.how().base())),
                                            t.after());
                            default -> spec;
                        }));
        return new EvaluationRecipe(
                name,
                shards,
                placed,
                sweep,
                prompts,
                validation,
                seeds,
                settings,
                judges,
                baseline);
    }

    /** The model that all others are compared with in tables of everything. */
    public String tableBaseline() {
        return models.containsKey(baseline) ? baseline : models.keySet().iterator().next();
    }
}
