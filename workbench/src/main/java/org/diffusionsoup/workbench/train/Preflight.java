package org.diffusionsoup.workbench.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.image.PictureSize;
import org.diffusionsoup.workbench.FreeMemory;
import org.diffusionsoup.workbench.job.TrainingJob;

/**
 * What can be said of a run before anything is loaded or encoded, so that a plan refuses all that
 * the run itself would.
 */
final class Preflight {
    private final FineTuneRequest request;
    private final IngredientFiles files;

    Preflight(FineTuneRequest request, IngredientFiles files) {
        this.request = request;
        this.files = files;
    }

    /** Whether the base is a model's folder; of another, loading says what it lacks. */
    boolean isModel() {
        return Files.exists(request.base().resolve("unet/config.json"));
    }

    /**
     * What memory a run takes, and whether it can be made at all.
     *
     * @param data the shards
     * @param buckets of their pictures; empty where these are trained as they are
     * @throws SoupException if pictures do not suit each other or the base, low-rank factors have a
     *     higher rank than the weights, another run's checkpoint or model is in the way, or the
     *     free memory would not do
     */
    MemoryPlan memory(List<Shard> data, Optional<BucketPlan> buckets) {
        // What no memory helps comes first.
        PictureSize largest = largest(data, buckets);
        files.requireFactors();
        if (isPlaceUsed()) {
            requireOwn(FineTuneRecipe.of(request, data));
        }
        int most = buckets.map(BucketPlan::fullest).orElse(Integer.MAX_VALUE);
        MemoryPlan plan = MemoryPlan.of(request, side(largest), most, FreeMemory.bytes());
        plan.check();
        return plan;
    }

    /** Whether something may be at the run's places that only its recipe tells from its own. */
    private boolean isPlaceUsed() {
        return request.keepEvery() > 0 || TrainingRun.checkpointedSteps(request.stateFolder()) > 0;
    }

    /** Refuses another run's checkpoint, and models that another run kept. */
    void requireOwn(FineTuneRecipe recipe) {
        spec(recipe).requireOwnCheckpoint();
        new KeptSteps(request, files, recipe).check();
    }

    /** What the run is known by. */
    TrainingJob.Spec spec(FineTuneRecipe recipe) {
        return new TrainingJob.Spec(
                        "train " + request.out().getFileName(),
                        "images",
                        request.stateFolder(),
                        "out",
                        Optional.empty(), // the ingredient has it in its folder
                        recipe.whole().text())
                .from(BaseConfiguration.ofModel(request.base()));
    }

    /** The largest bucket, or the size of all pictures. */
    private PictureSize largest(List<Shard> data, Optional<BucketPlan> buckets) {
        int divisor = RowSizes.divisor(request.base());
        if (buckets.isPresent()) {
            RowSizes.require(buckets.get().rule(), request.base(), divisor);
            return buckets.get().largest();
        }
        PictureSize size = RowSizes.common(data);
        Shard first = data.getFirst();
        RowSizes.require(size, first, first.infos().getFirst(), request.base(), divisor);
        return size;
    }

    /** Side of a square latent as large as a picture's. */
    private double side(PictureSize size) {
        JsonConfig vae = JsonConfig.read(request.base().resolve("vae/config.json"));
        return Math.sqrt((double) size.area()) / VaeConfig.of(vae).downFactor();
    }

    /** An ingredient in the place of its base, or inside it, would destroy what it came from. */
    void refuseInputAsOutput() {
        Path out = request.out().toAbsolutePath().normalize();
        Path base = request.base().toAbsolutePath().normalize();
        boolean same;
        try {
            same = Files.exists(out) && Files.exists(base) && Files.isSameFile(out, base);
        } catch (IOException e) {
            throw new SoupIoException("read", request.out(), e);
        }
        if (same || out.startsWith(base) || base.startsWith(out)) {
            throw new SoupException(
                    "Cannot write the ingredient to %s: that is, holds or lies inside its base %s; name another `out`."
                            .formatted(request.out(), request.base()));
        }
    }
}
