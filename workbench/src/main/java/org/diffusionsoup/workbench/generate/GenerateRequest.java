package org.diffusionsoup.workbench.generate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.OwnOutputs;

/**
 * What to draw and where to put it.
 *
 * @param models folders in diffusers layout, one or more
 * @param ensemble whether and how the models draw together instead of each for itself
 * @param prompts one or more
 * @param seeds one or more
 * @param settings of the sampling
 * @param loras put into every model before it draws, in this order; none for an ensemble
 * @param sheet PNG file of all pictures; empty for none
 * @param folder for the single pictures; empty for none, otherwise new or empty
 */
public record GenerateRequest(
        List<Path> models,
        Ensemble ensemble,
        List<String> prompts,
        List<Long> seeds,
        GenerateSettings settings,
        List<LoraUse> loras,
        Optional<Path> sheet,
        Optional<Path> folder) {
    /**
     * How several models draw one picture.
     *
     * @param wanted whether they do
     * @param weights of the predictions, one per model, each above 0, divided by their sum; empty
     *     for equal ones
     * @param classifier folder of a classifier that weighs them for every picture at every step;
     *     empty for equal weights
     * @param resouped whether weights are averaged with those coefficients instead of predictions
     * @param sequential whether one UNet takes the weights of all models in turn: the same pictures
     *     in one model's memory
     */
    public record Ensemble(
            boolean wanted,
            List<Double> weights,
            Optional<Path> classifier,
            boolean resouped,
            boolean sequential) {
        /** Every model draws for itself. */
        public static final Ensemble NONE = of(false);

        /** The models' predictions are averaged with equal coefficients. */
        public static final Ensemble UNIFORM = of(true);

        public Ensemble {
            weights = List.copyOf(weights);
            if (!weights.stream().allMatch(w -> w > 0 && w < Double.POSITIVE_INFINITY)) {
                throw new SoupException(
                        "`weights` are numbers above 0, one per model, not %s.".formatted(weights));
            }
            if (!weights.isEmpty() && classifier.isPresent()) {
                throw new SoupException(
                        "A `classifier` gives the models' weights; leave `weights` out.");
            }
        }

        private static Ensemble of(boolean wanted) {
            return new Ensemble(wanted, List.of(), Optional.empty(), false, false);
        }

        Generator open(List<Path> models, GenerateSettings settings) {
            return classifier.isPresent()
                    ? Generator.classified(models, classifier.get(), resouped, sequential, settings)
                    : Generator.ensemble(models, coefficients(models.size()), sequential, settings);
        }

        /** Weights as pictures carry them add up to 1 already, and stay what they are. */
        private List<Double> coefficients(int models) {
            if (weights.isEmpty()) {
                return Collections.nCopies(models, 1.0 / models);
            }
            double sum = weights.stream().mapToDouble(w -> w).sum();
            return Math.abs(sum - 1) < 1e-9 ? weights : weights.stream().map(w -> w / sum).toList();
        }
    }

    /**
     * @throws SoupException if something is missing or the folder is in use
     */
    public GenerateRequest {
        models = List.copyOf(models);
        prompts = List.copyOf(prompts);
        seeds = List.copyOf(seeds);
        loras = List.copyOf(loras);
        if (ensemble.wanted() && !loras.isEmpty()) {
            throw new SoupException(
                    "`lora` is for single models; put it into each with 'soup lora fuse' before an"
                            + " ensemble of them draws.");
        }
        if (models.isEmpty()) {
            throw new SoupException("Drawing needs a model; give one with `model`.");
        }
        if (!ensemble.weights().isEmpty() && ensemble.weights().size() != models.size()) {
            throw new SoupException(
                    "`weights` are %d numbers for %d models; give one for each, in their order."
                            .formatted(ensemble.weights().size(), models.size()));
        }
        if (prompts.isEmpty()) {
            throw new SoupException(
                    "Drawing needs a prompt; give one with `prompt` or some with `prompts`.");
        }
        if (seeds.isEmpty()) {
            throw new SoupException("Drawing needs a seed; give one with `seed`.");
        }
        if (sheet.isEmpty() && folder.isEmpty()) {
            throw new SoupException(
                    "The pictures have nowhere to go; give `out` FILE, `each` FOLDER or both.");
        }
        if (sheet.isPresent() && Files.isDirectory(sheet.get())) {
            throw new SoupException(
                    "`out` %s is a folder; name a .png file, or use `each` for single pictures."
                            .formatted(sheet.get()));
        }
        sheet.ifPresent(OwnOutputs.PICTURE::checkOwn);
        if (folder.isPresent() && Files.exists(folder.get()) && !isEmptyFolder(folder.get())) {
            throw new SoupException(
                    "`each` %s exists and is not an empty folder; choose a new one."
                            .formatted(folder.get()));
        }
    }

    private static boolean isEmptyFolder(Path path) {
        String[] inside = path.toFile().list();
        return inside != null && inside.length == 0;
    }
}
