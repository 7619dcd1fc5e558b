package org.diffusionsoup.workbench.train;

import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;

/**
 * The model of a run that was stopped between writing it and what was to be done with it, such as
 * recording it.
 *
 * @param out the ingredient's folder
 * @param weightsSha256 content hash of its UNet
 * @param rows pictures in the shards
 * @param steps optimizer steps done
 */
public record FinishedRun(Path out, String weightsSha256, int rows, long steps) {
    /**
     * Whether a folder may hold the model of a run with such options: a look at its header, before
     * anything is read. Of which run it is, {@link #of} finds out.
     */
    public static boolean isLikely(Path out, TrainingOptions options) {
        SoupRecipe recipe = KeptSteps.recorded(IngredientFiles.unet(out));
        if (recipe.text().isEmpty()) {
            return false;
        }
        try {
            JsonObject fields = recipe.parse(out).fields();
            return fields.string(SoupRecipe.METHOD).equals(Optional.of(SoupRecipe.FINE_TUNE))
                    && is(fields, "steps", options.steps())
                    && is(fields, "seed", options.seed());
        } catch (SoupException e) {
            return false; // by other hands
        }
    }

    private static boolean is(JsonObject fields, String name, long value) {
        return fields.get(name).equals(Optional.of(new JsonNumber(BigDecimal.valueOf(value))));
    }

    /**
     * What lies at the place of the ingredient, if it is what this very run would write there, by
     * the recipe in its header; a checkpoint of the run that is still there is removed.
     *
     * @param request of weights, not of a file of factors
     * @return empty if nothing or something else is there, or it may be replaced
     * @throws SoupException if a shard cannot be read, or the run is still at work
     */
    public static Optional<FinishedRun> of(FineTuneRequest request) {
        IngredientFiles files = new IngredientFiles(request);
        Path trained = files.trained(request.out());
        if (request.replace() || !Files.isRegularFile(trained)) {
            return Optional.empty();
        }
        List<Shard> shards = TrainingShards.open(request);
        FineTuneRecipe recipe = FineTuneRecipe.of(request, shards);
        KeptSteps kept = new KeptSteps(request, files, recipe);
        if (!KeptSteps.recorded(trained).equals(kept.recipe(request.stopAfter()))) {
            return Optional.empty();
        }
        if (IngredientFiles.difference(request.base(), request.out()).isPresent()) {
            return Optional.empty(); // trained when the base said something else of its weights
        }
        try (FolderLock alone = FolderLock.hold(request.stateFolder())) {
            TrainingRun.discardState(request.stateFolder(), recipe.whole().text());
        }
        int rows = shards.stream().mapToInt(Shard::size).sum();
        return Optional.of(
                new FinishedRun(request.out(), WeightsHash.of(trained), rows, request.stopAfter()));
    }
}
