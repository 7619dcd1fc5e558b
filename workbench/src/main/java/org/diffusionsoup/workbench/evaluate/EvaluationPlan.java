package org.diffusionsoup.workbench.evaluate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.LinkedFiles;
import org.diffusionsoup.core.search.Bounds;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * What an evaluation will cost if nothing of it is in the cache.
 *
 * @param trainings runs
 * @param trainedPictures pictures that all runs see, with repeats
 * @param models that are kept on disk
 * @param pictures drawn, those of searches among them
 * @param searches among the models
 * @param candidates that all searches score; each search asks for its own, also what another has
 *     scored
 * @param searchedPictures that searches draw of them, on prompts of their own
 * @param passes of one picture through one denoiser in training and drawing; a training step counts
 *     as three, as its backward pass costs two
 * @param judges that score every picture
 * @param diskBytes of the models; empty where their base is not there
 * @param trainingBytes of weights, gradients and AdamW's moments of a denoiser in float32; empty
 *     where the base is not there
 * @param secondsPerPass here, by a probe of the base; empty where it is not there
 * @param missing the base, where it is not there
 */
public record EvaluationPlan(
        int trainings,
        long trainedPictures,
        int models,
        Bounds pictures,
        int searches,
        Bounds candidates,
        Bounds searchedPictures,
        Bounds passes,
        int judges,
        Optional<Long> diskBytes,
        Optional<Long> trainingBytes,
        OptionalDouble secondsPerPass,
        Optional<Path> missing) {
    private static final int FORWARD_AND_BACKWARD = 3;
    private static final int PROBE_STEPS = 4;
    private static final int PROBES = 3;

    /** Plans a recipe; where its base is there, a few steps with it tell the time. */
    public static EvaluationPlan of(EvaluationRecipe recipe) {
        Set<Object> runs = new HashSet<>();
        long trained = 0;
        long drawing = 0;
        int searches = 0;
        Bounds candidates = Bounds.exactly(0);
        int kept = 0;
        GenerateSettings settings = recipe.settings();
        long each = (long) recipe.prompts().size() * recipe.seeds().size();
        long passesOfOne = settings.steps() * (settings.guidance() > 1 ? 2L : 1L);
        Optional<Path> base = Optional.empty();
        for (ModelSpec spec : recipe.models().values()) {
            int members =
                    switch (spec) {
                        case ModelSpec.Ensemble e -> e.of().size();
                        case ModelSpec.Classified c -> c.resouped() ? 1 : c.of().size();
                        default -> 1;
                    };
            drawing += each * passesOfOne * members;
            if (spec instanceof ModelSpec.Search s) {
                searches++;
                candidates =
                        candidates.plus(
                                SearchMethods.candidates(s.method(), s.of().size(), s.budget()));
            }
            if (spec instanceof ModelSpec.Train t) {
                kept++;
                base = Optional.of(t.how().base());
                if (runs.add(Map.entry(t.shards(), t.how()))) {
                    trained += t.how().steps() * t.how().batch();
                }
            } else if (spec instanceof ModelSpec.Soup || spec instanceof ModelSpec.Search) {
                kept++;
            }
        }
        Bounds searched =
                candidates.times((long) recipe.validation().size() * recipe.seeds().size());
        Bounds passes =
                Bounds.exactly(drawing + FORWARD_AND_BACKWARD * trained)
                        .plus(searched.times(passesOfOne));
        Optional<Path> there = base.filter(Files::isDirectory);
        int models = kept;
        return new EvaluationPlan(
                runs.size(),
                trained,
                kept,
                Bounds.exactly(each * recipe.models().size()).plus(searched),
                searches,
                candidates,
                searched,
                passes,
                recipe.judges().size(),
                there.map(b -> models * bytes(b)),
                there.map(b -> 4 * 4 * denoiserWeights(b)),
                there.map(b -> OptionalDouble.of(probe(b, settings)))
                        .orElse(OptionalDouble.empty()),
                base.filter(b -> !Files.isDirectory(b)));
    }

    private static long bytes(Path folder) {
        try {
            return LinkedFiles.below(folder).stream().mapToLong(f -> f.toFile().length()).sum();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /** Numbers in the denoiser, from its files, which hold two bytes each. */
    private static long denoiserWeights(Path base) {
        return bytes(base.resolve("unet")) / 2;
    }

    /**
     * Seconds of one picture's pass, in a batch as the recipe draws them: the quickest of a few
     * short drawings, their decoding included, since other work only ever adds to one.
     */
    private static double probe(Path base, GenerateSettings settings) {
        List<String> prompts = Collections.nCopies(settings.batch(), "a probe");
        List<Long> seeds = Collections.nCopies(settings.batch(), 0L);
        double quickest = Double.POSITIVE_INFINITY;
        try (Generator generator = Generator.open(base, settings.withSteps(PROBE_STEPS))) {
            for (int i = 0; i <= PROBES; i++) { // the first takes longer
                long start = System.nanoTime();
                generator.pictures(prompts, seeds, Progress.silent());
                quickest = Math.min(quickest, (System.nanoTime() - start) / 1e9);
            }
        }
        long passes = (long) PROBE_STEPS * settings.batch() * (settings.guidance() > 1 ? 2 : 1);
        return quickest / passes;
    }
}
