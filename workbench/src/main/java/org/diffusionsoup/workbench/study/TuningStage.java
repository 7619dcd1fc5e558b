package org.diffusionsoup.workbench.study;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.workbench.generate.ModelNames;

/**
 * Ingredients that were fine-tuned equally long.
 *
 * @param name such as {@code step 50}
 * @param models their folders, two or more
 */
public record TuningStage(String name, List<Path> models) {
    private static final Pattern KEPT = Pattern.compile("-step(\\d{6,})");

    /**
     * @throws SoupException if there are fewer than two models, or one is given twice
     */
    public TuningStage {
        models = List.copyOf(models);
        if (models.size() < 2) {
            throw new SoupException(
                    "A soup needs two or more ingredients, not %d; give more."
                            .formatted(models.size()));
        }
        ModelNames.of(models); // refuses a model that is given twice
    }

    /**
     * The stages that ingredients were kept at beside their folders ({@code NAME-step000050}), as
     * far as all of them were, and the ingredients themselves.
     *
     * @param ingredients folders that {@code soup train --keep-every} made
     * @throws SoupException if they have no kept step in common
     */
    public static List<TuningStage> of(List<Path> ingredients) {
        TreeSet<Long> common = new TreeSet<>();
        for (int i = 0; i < ingredients.size(); i++) {
            TreeSet<Long> kept = stepsOf(ingredients.get(i));
            if (i == 0) {
                common.addAll(kept);
            }
            common.retainAll(kept);
        }
        if (common.isEmpty()) {
            throw new SoupException(
                    "There is no step of which models were kept beside all of %s; train them with `keepEvery`, or give `model` for each."
                            .formatted(ingredients));
        }
        List<TuningStage> stages = new ArrayList<>();
        for (long step : common) {
            stages.add(
                    new TuningStage(
                            "step " + step,
                            ingredients.stream().map(i -> keptOf(i, step)).toList()));
        }
        stages.add(new TuningStage("end", ingredients));
        return stages;
    }

    private static Path keptOf(Path ingredient, long step) {
        return ingredient.resolveSibling("%s-step%06d".formatted(ingredient.getFileName(), step));
    }

    private static TreeSet<Long> stepsOf(Path ingredient) {
        String name = String.valueOf(ingredient.getFileName());
        Path folder = ingredient.toAbsolutePath().normalize().resolveSibling("");
        TreeSet<Long> steps = new TreeSet<>();
        try (Stream<Path> all = Files.list(folder)) {
            all.map(f -> String.valueOf(f.getFileName()))
                    .filter(f -> f.startsWith(name))
                    .map(f -> KEPT.matcher(f.substring(name.length())))
                    .filter(Matcher::matches)
                    .forEach(m -> steps.add(Long.parseLong(m.group(1))));
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        return steps;
    }
}
