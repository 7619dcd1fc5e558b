package org.diffusionsoup.workbench.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.workbench.FreeMemory;
import org.diffusionsoup.workbench.UNetMaps;

/**
 * How much memory fine-tuning takes, estimated before anything is loaded: all components in
 * float32; gradient, both moments of AdamW and, where there is one, the moving average of what is
 * trained, the UNet or low-rank factors beside its weights; and the maps of one pass, which the
 * backward pass needs.
 *
 * @param fixed bytes that do not depend on the batch
 * @param perPicture bytes for every picture of a pass
 */
record TrainingCost(double fixed, double perPicture) {
    private static final long FLOAT = 4;

    /**
     * Values that are held at once for each that the forward pass makes: measured on the embedded
     * base, whose training takes 0.62 GB with 2 pictures at once, 1.18 with 64 and 2.89 with 256.
     */
    private static final double BACKWARD = 1.3;

    /** The program and its libraries, from the same measurement. */
    private static final double PROGRAM = 0.4e9;

    /** Reads the shapes of a base; nothing when its folder is not as training needs it. */
    static TrainingCost of(Path base, TrainingOptions options, Optional<LowRankOptions> lora) {
        UNetConfig unet = UNetConfig.of(JsonConfig.read(base.resolve("unet/config.json")));
        double weights = weights(base.resolve("unet"), StableDiffusion.DIFFUSERS_WEIGHTS);
        double trained = lora.isEmpty() ? weights : factors(base.resolve("unet"), lora.get());
        double others =
                weights(base.resolve("vae"), StableDiffusion.DIFFUSERS_WEIGHTS)
                        + weights(
                                base.resolve("text_encoder"), StableDiffusion.TRANSFORMERS_WEIGHTS);
        int copies = options.emaDecay() > 0 ? 4 : 3;
        double itself = lora.isEmpty() ? 0 : trained;
        return new TrainingCost(
                PROGRAM + FLOAT * (weights + itself + copies * trained + others),
                FLOAT * BACKWARD * UNetMaps.values(unet, unet.sampleSize()));
    }

    private static double weights(Path component, String file) {
        return sum(component.resolve(file), TensorInfo::elements);
    }

    private static double factors(Path unet, LowRankOptions lora) {
        return sum(
                unet.resolve(StableDiffusion.DIFFUSERS_WEIGHTS),
                t -> lora.isTarget(t.name(), t.shape()) ? lora.factors(t.shape()) : 0);
    }

    private static double sum(Path weights, ToDoubleFunction<TensorInfo> each) {
        if (!Files.exists(weights)) {
            return 0; // loading says what is missing
        }
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            return f.tensors().values().stream().mapToDouble(each).sum();
        }
    }

    double bytes(int batch) {
        return fixed + batch * perPicture;
    }

    /**
     * Refuses what does not fit into the memory that is free.
     *
     * @throws SoupException saying what would fit
     */
    void check(int batch, int accumulation, double free) {
        double need = bytes(batch);
        if (need <= free) {
            return;
        }
        String fits;
        if (bytes(1) <= free) {
            int most = Integer.highestOneBit((int) ((free - fixed) / perPicture));
            fits =
                    "`batch` %d `accumulation` %d would fit and take the same steps"
                            .formatted(
                                    most, Math.ceilDiv((long) batch * accumulation, (long) most));
        } else {
            fits =
                    "this base needs %s for its weights and a single picture, so it needs a larger machine"
                            .formatted(FreeMemory.text(bytes(1)));
        }
        throw new SoupException(
                "Training with %,d pictures at once takes about %s of memory, and %s are free; %s."
                        .formatted(batch, FreeMemory.text(need), FreeMemory.text(free), fits));
    }
}
