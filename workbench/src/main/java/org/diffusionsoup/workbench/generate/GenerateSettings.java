package org.diffusionsoup.workbench.generate;

import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.pipeline.ImageToImage;

/**
 * How pictures are sampled, the same for every model of a run.
 *
 * @param steps of the scheduler, at least 1
 * @param guidance scale of classifier-free guidance, at least 0; 1 or less means none
 * @param negativePrompt what guidance leads away from; empty for the plain unconditional
 * @param sampler the scheduler; empty for each model's own
 * @param size of the pictures; empty for the size each model was trained on
 * @param source a picture to begin with instead of noise; empty for none. Pictures then have its
 *     size, rounded down to what suits the model, unless {@code size} says otherwise
 * @param batch pictures denoised together, at least 1; more is faster and takes more memory
 * @param mayBeLong whether drawing may take more than two hours; otherwise its time is estimated
 *     first from two steps of one picture
 * @param weights the format that the model's weights are held in, to which they are rounded
 */
public record GenerateSettings(
        int steps,
        double guidance,
        String negativePrompt,
        Optional<Sampler> sampler,
        Optional<PictureSize> size,
        Optional<Source> source,
        int batch,
        boolean mayBeLong,
        WeightFormat weights) {

    /** Hours beyond which drawing has to be allowed explicitly. */
    public static final double LONG_HOURS = 2;

    /** Steps of the embedded base's defaults. */
    public static final int STEPS = 25;

    /** Guidance scale of the embedded base's defaults. */
    public static final double GUIDANCE = 3.0;

    /** Pictures denoised together unless said otherwise. */
    public static final int BATCH = 16;

    /**
     * @throws SoupException naming the flag that is out of range
     */
    public GenerateSettings {
        if (steps < 1) {
            throw new SoupException("`steps` must be at least 1, not " + steps + ".");
        }
        if (!Double.isFinite(guidance) || guidance < 0) {
            throw new SoupException(
                    "`guidance` must be a number of at least 0, not " + guidance + ".");
        }
        if (batch < 1) {
            throw new SoupException("`batch` must be at least 1, not " + batch + ".");
        }
    }

    /** The same for work that may take its time. */
    public GenerateSettings(
            int steps,
            double guidance,
            String negativePrompt,
            Optional<Sampler> sampler,
            Optional<PictureSize> size,
            int batch) {
        this(
                steps,
                guidance,
                negativePrompt,
                sampler,
                size,
                Optional.empty(),
                batch,
                true,
                WeightFormat.F32);
    }

    /** 25 steps of the model's own scheduler, guidance 3, the model's own size, batches of 16. */
    public static GenerateSettings defaults() {
        return new GenerateSettings(STEPS, GUIDANCE, "", Optional.empty(), Optional.empty(), BATCH);
    }

    /**
     * Whether a model is sampled as it is meant to be: its own scheduler and size, the usual
     * guidance, no fewer steps than usual, and weights that are not rounded.
     */
    public boolean isModelsOwn() {
        return steps >= STEPS
                && guidance == GUIDANCE
                && negativePrompt.isEmpty()
                && sampler.isEmpty()
                && size.isEmpty()
                && source.isEmpty()
                && weights == WeightFormat.F32;
    }

    /**
     * The same beginning with a picture.
     *
     * @throws SoupException if its strength leaves no step
     */
    public GenerateSettings withSource(Source picture) {
        ImageToImage.skipped(steps, picture.strength());
        return new GenerateSettings(
                steps,
                guidance,
                negativePrompt,
                sampler,
                size,
                Optional.of(picture),
                batch,
                mayBeLong,
                weights);
    }

    /** The same with another number of steps. */
    public GenerateSettings withSteps(int other) {
        return new GenerateSettings(
                other, guidance, negativePrompt, sampler, size, source, batch, mayBeLong, weights);
    }

    /** The same with weights held in another format. */
    public GenerateSettings withWeights(WeightFormat other) {
        return new GenerateSettings(
                steps, guidance, negativePrompt, sampler, size, source, batch, mayBeLong, other);
    }
}
