package org.diffusionsoup.workbench.train;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;

/**
 * What one ingredient is made of.
 *
 * @param base folder of the shared base, in diffusers layout
 * @param shards data to train on, as {@link org.diffusionsoup.data.ShardRef} texts; several make a
 *     paragon's union
 * @param out folder of the ingredient to be written
 * @param options how the UNet is optimised
 * @param captionDropout share of rows trained without caption
 * @param checkpointEvery steps between checkpoints, 0 for time-based ones only
 * @param replace whether an existing {@code out} may be replaced
 */
public record FineTuneRequest(
        Path base,
        List<String> shards,
        Path out,
        TrainingOptions options,
        double captionDropout,
        long checkpointEvery,
        boolean replace) {

    /**
     * @throws TrainingException if a share or a number of steps is out of range
     */
    public FineTuneRequest {
        shards = List.copyOf(shards);
        if (!(captionDropout >= 0 && captionDropout <= 1)) {
            throw new TrainingException(
                    "--caption-dropout must be in [0, 1], not " + captionDropout);
        }
        if (checkpointEvery < 0) {
            throw new TrainingException(
                    "--checkpoint-every must not be negative, not " + checkpointEvery);
        }
    }

    /** Defaults for the embedded base: small batches at a moderate constant rate. */
    public static TrainingOptions embeddedDefaults(long steps, long seed) {
        return new TrainingOptions(
                steps,
                16,
                1,
                2e-4,
                TrainingOptions.Schedule.CONSTANT,
                Math.min(20, Math.max(1, steps / 10)),
                1e-2,
                0.9,
                0.999,
                1e-8,
                1.0,
                0,
                seed,
                false);
    }

    /** Folder of the run's checkpoints, beside the ingredient; gone once it is finished. */
    public Path stateFolder() {
        Path absolute = out.toAbsolutePath().normalize();
        return absolute.resolveSibling(absolute.getFileName() + ".training");
    }
}
