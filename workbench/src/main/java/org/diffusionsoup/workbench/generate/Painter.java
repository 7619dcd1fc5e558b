package org.diffusionsoup.workbench.generate;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.pipeline.ImageToImage;
import org.diffusionsoup.diffusion.pipeline.Inpainting;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.SourcePicture;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.workbench.Progress;

/** One way from prompts and seeds to pictures: out of noise, or beginning with a picture. */
final class Painter {
    private final TextToImagePipeline pipeline;
    private final Optional<Source> source;

    Painter(TextToImagePipeline pipeline, Optional<Source> source) {
        this.pipeline = pipeline;
        this.source = source;
        if (source.isEmpty()) {
            pipeline.requireLatentsOnly();
        } else if (source.get().mask().isEmpty() && !pipeline.takesLatentsOnly()) {
            throw new SoupException(
                    "The model paints into a picture and takes a mask; give one with `mask`.");
        }
    }

    /** How many of so many steps are left out, as a picture to begin with wants it. */
    private int skipped(int steps) {
        return source.map(s -> ImageToImage.skipped(steps, s.strength())).orElse(0);
    }

    /** A listener that counts what is done of the steps to do, whatever the schedule calls them. */
    TextToImagePipeline.StepListener counting(int steps, Progress progress) {
        int wanted = steps - skipped(steps);
        int predictions; // a second-order method makes two in a step
        try (Scheduler s = pipeline.scheduler().scheduler(steps)) {
            predictions = s.timesteps().length - s.skip(skipped(steps));
        }
        progress.message("step 0 of " + wanted);
        int[] made = {0};
        return (i, x) ->
                progress.message("step " + ++made[0] * wanted / predictions + " of " + wanted);
    }

    /** Pictures (N, 3, H, W) in [0, 1]. */
    Tensor paint(
            List<String> prompts,
            long[] seeds,
            SamplingOptions options,
            TextToImagePipeline.StepListener listener) {
        if (source.isEmpty()) {
            return pipeline.generate(prompts, seeds, options, listener);
        }
        Source s = source.get();
        int width = options.width();
        int height = options.height();
        Tensor pixels = rows(SourcePicture.pixels(s.image(), width, height), seeds.length);
        return s.mask()
                .map(mask -> rows(SourcePicture.mask(mask, width, height), seeds.length))
                .map(mask ->
                        new Inpainting(pipeline)
                                .generate(
                                        prompts,
                                        seeds,
                                        pixels,
                                        mask,
                                        s.strength(),
                                        options,
                                        listener))
                .orElseGet(() ->
                        new ImageToImage(pipeline)
                                .generate(prompts, seeds, pixels, s.strength(), options, listener));
    }

    private static Tensor rows(Tensor one, int n) {
        return Tensor.cat(Collections.nCopies(n, one), 0);
    }
}
