package org.diffusionsoup.workbench.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.train.RecipeDifference;

/**
 * The models that a run keeps on its way, beside its ingredient: which steps, where they go, what
 * their headers say, and what may stand there already. A model of the same run and step may, since
 * a run that was interrupted makes it again in the same bytes; anything else is left alone unless
 * the ingredient itself may be replaced.
 */
final class KeptSteps {
    /** Writes a model of the run as it stands. */
    interface Writer {
        void write(Path out, SoupRecipe recipe, boolean replace);
    }

    private static final SoupRecipe NONE = new SoupRecipe("");

    private final FineTuneRequest request;
    private final IngredientFiles files;
    private final FineTuneRecipe recipe;

    /**
     * @param recipe of the whole run
     */
    KeptSteps(FineTuneRequest request, IngredientFiles files, FineTuneRecipe recipe) {
        this.request = request;
        this.files = files;
        this.recipe = recipe;
    }

    /** Whether a model is kept beside the ingredient once so many steps are done. */
    boolean isKept(long step) {
        return request.keepEvery() > 0
                && step % request.keepEvery() == 0
                && step < request.stopAfter();
    }

    /** Writes the model of a step, to its own place. */
    void keep(long step, Writer writer) {
        writer.write(free(step), recipe(step), true);
    }

    private LongStream steps() {
        long every = request.keepEvery();
        return every == 0
                ? LongStream.empty()
                : LongStream.rangeClosed(1, (request.stopAfter() - 1) / every).map(i -> i * every);
    }

    /**
     * The recipe of the model after so many steps: that of the whole run, whose schedule was
     * followed, and the step at which it was taken if that was not the last one.
     */
    SoupRecipe recipe(long step) {
        return step == request.options().steps() ? recipe.whole() : recipe.keptAt(step);
    }

    /**
     * Looks at all places before hours are spent.
     *
     * @throws SoupException if something else than a model of this run and step is at one of them
     *     and may not be replaced
     */
    void check() {
        steps().forEach(this::free);
    }

    /**
     * The folder of a kept model, free to be written or replaced.
     *
     * @throws SoupException as {@link #check}
     */
    private Path free(long step) {
        Path folder = request.keptFolder(step);
        SoupRecipe recorded = recorded(step);
        String difference;
        if (recorded.equals(recipe(step))) {
            difference = IngredientFiles.difference(request.base(), folder).orElse("");
            if (difference.isEmpty()) {
                files.checkReplaceable(folder);
                return folder;
            }
        } else {
            difference = RecipeDifference.of(recorded.text(), recipe(step).text());
        }
        if (!difference.isEmpty() && !request.replace()) {
            throw new SoupException(
                    folder
                            + " was kept by a different run ("
                            + difference
                            + "); go on with the settings of that run, name another `out`, or add"
                            + " `force` to replace it.");
        }
        files.check(folder, request.replace());
        return folder;
    }

    private boolean isOurs(long step) {
        return recorded(step).equals(recipe(step));
    }

    /** The recipe of the model kept of a step; empty where none is there or it is damaged. */
    private SoupRecipe recorded(long step) {
        return recorded(files.trained(request.keptFolder(step)));
    }

    /** The recipe in the header of trained weights; empty where there is none or it is damaged. */
    static SoupRecipe recorded(Path trained) {
        if (!Files.isRegularFile(trained)) {
            return NONE;
        }
        try (SafetensorsFile f = SafetensorsFile.open(trained)) {
            return Provenance.readFrom(f.metadata()).map(Provenance::recipe).orElse(NONE);
        } catch (SoupException e) {
            return NONE;
        }
    }

    /** What this run has kept. */
    List<Path> folders() {
        return steps().filter(this::isOurs).mapToObj(request::keptFolder).toList();
    }

    /** Names the steps whose models are lacking, which a run that was resumed had passed. */
    List<String> notes() {
        String lacking =
                steps().filter(s -> !isOurs(s))
                        .mapToObj(Long::toString)
                        .collect(Collectors.joining(", "));
        return lacking.isEmpty()
                ? List.of()
                : List.of(
                        "No model of step %s is kept: the run was resumed after that, and had been started without this `keepEvery` or its model was taken away."
                                .formatted(lacking));
    }
}
