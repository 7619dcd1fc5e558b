package org.diffusionsoup.workbench.generate;

import java.nio.file.Files;
import java.nio.file.Path;
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
     * @param classifier folder of a classifier that weighs them for every picture at every step;
     *     empty for equal weights
     * @param resouped whether weights are averaged with those coefficients instead of predictions
     */
    public record Ensemble(boolean wanted, Optional<Path> classifier, boolean resouped) {
        /** Every model draws for itself. */
        public static final Ensemble NONE = new Ensemble(false, Optional.empty(), false);

        /** The models' predictions are averaged with equal coefficients. */
        public static final Ensemble UNIFORM = new Ensemble(true, Optional.empty(), false);

        Generator open(List<Path> models, GenerateSettings settings) {
            return classifier.isPresent()
                    ? Generator.classified(models, classifier.get(), resouped, settings)
                    : Generator.ensemble(models, settings);
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
