package org.diffusionsoup.workbench.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.workbench.FreeMemory;
import org.diffusionsoup.workbench.UNetMaps;

/**
 * How much memory fine-tuning takes, estimated before anything is loaded, in bytes; all numbers are
 * float32.
 *
 * @param program the program and its libraries
 * @param encoders autoencoder and text encoders, which are freed once everything is encoded
 * @param weights of the UNet, and the low-rank factors where they are trained
 * @param gradients of what is trained
 * @param moments both of AdamW's
 * @param average the moving average, 0 where none is kept
 * @param held activations of one picture, all held for the backward pass
 * @param recomputed the same with gradient checkpointing
 * @param batch pictures of a pass
 * @param accumulation passes of a step
 * @param checkpointing whether activations are computed again
 * @param free memory that is free now
 */
public record MemoryPlan(
        double program,
        double encoders,
        double weights,
        double gradients,
        double moments,
        double average,
        double held,
        double recomputed,
        int batch,
        int accumulation,
        boolean checkpointing,
        double free) {
    private static final long FLOAT = 4;

    /**
     * Values that are held at once for each that the forward pass makes: measured on the embedded
     * base, whose training takes 0.62 GB with 2 pictures at once, 1.18 with 64 and 2.89 with 256.
     */
    private static final double BACKWARD = 1.3;

    /** The program and its libraries, from the same measurement. */
    private static final double PROGRAM = 0.4e9;

    /**
     * Reads the shapes of a base.
     *
     * @param request whose base has a UNet with a config
     * @param side of a square latent with as many values as the pictures' have
     * @param most pictures that a batch can have, however large it may be
     * @param free bytes
     */
    static MemoryPlan of(FineTuneRequest request, double side, int most, double free) {
        Path base = request.base();
        UNetConfig unet = UNetConfig.of(JsonConfig.read(base.resolve("unet/config.json")));
        double weights = weights(base, "unet", StableDiffusion.DIFFUSERS_WEIGHTS);
        double trained = request.lora().map(lora -> factors(base, lora)).orElse(weights);
        double encoders =
                weights(base, "vae", StableDiffusion.DIFFUSERS_WEIGHTS)
                        + weights(base, "text_encoder", StableDiffusion.TRANSFORMERS_WEIGHTS)
                        + weights(base, "text_encoder_2", StableDiffusion.TRANSFORMERS_WEIGHTS);
        return new MemoryPlan(
                PROGRAM,
                encoders,
                weights + (request.lora().isEmpty() ? 0 : trained),
                trained,
                2 * trained,
                request.options().emaDecay() > 0 ? trained : 0,
                FLOAT * BACKWARD * UNetMaps.values(unet, side),
                FLOAT * BACKWARD * UNetMaps.recomputed(unet, side),
                Math.min(request.options().batch(), most),
                request.options().accumulation(),
                request.checkpointing(),
                free);
    }

    private static double weights(Path base, String component, String file) {
        return FLOAT * sum(base.resolve(component).resolve(file), TensorInfo::elements);
    }

    private static double factors(Path base, LowRankOptions lora) {
        return FLOAT
                * sum(
                        IngredientFiles.unet(base),
                        t -> lora.isTarget(t.name(), t.shape()) ? lora.factors(t.shape()) : 0);
    }

    private static double sum(Path weights, ToDoubleFunction<TensorInfo> each) {
        if (!Files.exists(weights)) {
            return 0; // loading says what is missing
        }
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            return TensorNames.today(f).tensors().values().stream().mapToDouble(each).sum();
        }
    }

    private double fixed() {
        return program + weights + gradients + moments + average;
    }

    private double total(int pictures, boolean recomputing) {
        return Math.max(
                fixed() + pictures * (recomputing ? recomputed : held),
                program + weights + encoders);
    }

    /** At the peak: while everything is encoded, or in the first step. */
    public double total() {
        return total(batch, checkpointing);
    }

    /** In words, as {@code 640 MB} for a number of bytes. */
    public String sentence() {
        List<String> parts = new ArrayList<>();
        parts.add("weights " + FreeMemory.text(weights));
        parts.add("gradients " + FreeMemory.text(gradients));
        parts.add("AdamW's moments " + FreeMemory.text(moments));
        if (average > 0) {
            parts.add("moving average " + FreeMemory.text(average));
        }
        double chosen = batch * (checkpointing ? recomputed : held);
        double other = batch * (checkpointing ? held : recomputed);
        parts.add(
                "activations %s (%s %s `checkpointing`)"
                        .formatted(
                                FreeMemory.text(chosen),
                                FreeMemory.text(other),
                                checkpointing ? "without" : "with"));
        parts.add("the program " + FreeMemory.text(program));
        return "Memory: about %s of the %s that are free: %s."
                .formatted(
                        FreeMemory.text(total()), FreeMemory.text(free), String.join(", ", parts));
    }

    /**
     * Refuses what does not fit into the memory that is free.
     *
     * @throws SoupException saying what would fit
     */
    void check() {
        if (total() <= free) {
            return;
        }
        throw new SoupException(
                String.format(
                        Locale.ROOT,
                        "Training with %,d pictures at once takes about %s of memory, and %s are free; %s.",
                        batch,
                        FreeMemory.text(total()),
                        FreeMemory.text(free),
                        whatFits()));
    }

    private String whatFits() {
        List<String> ways = new ArrayList<>();
        if (!checkpointing && total(batch, true) <= free) {
            ways.add("`checkpointing` would fit");
        }
        if (total(1, checkpointing) <= free) {
            ways.add(smallerBatch(checkpointing) + " would fit, with as many pictures in a step");
        }
        if (ways.isEmpty() && total(1, true) <= free) {
            ways.add("`checkpointing` with " + smallerBatch(true) + " would fit");
        }
        return ways.isEmpty()
                ? "this base needs %s for its weights and a single picture, so it needs a larger machine"
                        .formatted(FreeMemory.text(total(1, true)))
                : String.join(", and ", ways);
    }

    /**
     * A batch with room to spare that divides what a step is of, so that the steps are the same.
     */
    private String smallerBatch(boolean recomputing) {
        int most =
                Integer.highestOneBit((int) ((free - fixed()) / (recomputing ? recomputed : held)));
        long whole = (long) batch * accumulation;
        int fits = (int) Math.min(most, whole);
        while (whole % fits != 0) {
            fits--;
        }
        return "`batch` %d `accumulation` %d".formatted(fits, whole / fits);
    }
}
