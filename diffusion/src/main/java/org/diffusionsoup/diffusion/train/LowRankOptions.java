package org.diffusionsoup.diffusion.train;

import java.util.Locale;
import java.util.regex.Pattern;
import org.diffusionsoup.diffusion.nn.LowRankFactors;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/**
 * Which low-rank factors of a UNet are trained in the place of its weights (LoRA, Hu et al. 2021).
 *
 * @param rank of all of them
 * @param alpha over the rank, the factor of their products
 * @param target the weights that have factors
 */
public record LowRankOptions(int rank, double alpha, Target target) {
    /** Apart from the seeds of batches, which are counted from 0, and of the rows' order. */
    private static final long START = -3;

    /** Weights by their place in the UNet. */
    public enum Target {
        /** Queries, keys, values and outputs of all attention. */
        ATTENTION(".*\\.attn[12]\\.to_(q|k|v|out\\.0)\\.weight"),
        /**
         * All matrices and kernels of transformers, ResNet blocks and samplers: kohya's LoRA with
         * LoCon.
         */
        ALL(".*\\.(attentions|resnets|downsamplers|upsamplers)\\..*\\.weight");

        private final Pattern names;

        Target(String names) {
            this.names = Pattern.compile(names);
        }

        /** As flags and recipes spell it. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * @throws TrainingException if rank or alpha is out of range
     */
    public LowRankOptions {
        if (rank < 1) {
            throw new TrainingException("`lora` must be a rank of at least 1, not " + rank);
        }
        if (!(alpha > 0 && Double.isFinite(alpha))) {
            throw new TrainingException("`loraAlpha` must be a positive number, not " + alpha);
        }
    }

    /** Attention alone, with an alpha that equals the rank: products count as they are. */
    public LowRankOptions(int rank) {
        this(rank, rank, Target.ATTENTION);
    }

    /** Whether a tensor of the UNet has factors. */
    public boolean isTarget(String name, long[] shape) {
        return shape.length > 1 && target.names.matcher(name).matches();
    }

    /** How many values the two factors of a weight have. */
    public long factors(long[] shape) {
        long in = 1;
        for (int i = 1; i < shape.length; i++) {
            in *= shape[i];
        }
        return rank * (shape[0] + in);
    }

    /**
     * Puts the factors beside a UNet's weights, at their start.
     *
     * @param seed of the run
     * @throws TrainingException if one of the weights has a lower rank than is asked for
     */
    public LowRankFactors attach(UNet2DConditionModel unet, long seed) {
        unet.parameters().all().forEach(p -> requireRank(p.name(), p.shape()));
        return LowRankFactors.attach(
                unet.parameters(),
                p -> isTarget(p.name(), p.shape()),
                rank,
                alpha,
                Rng.mix(seed, START));
    }

    /**
     * Refuses a tensor of the UNet that is to have factors of more than its own rank.
     *
     * @throws TrainingException naming it and the rank that it can have
     */
    public void requireRank(String name, long[] shape) {
        if (!isTarget(name, shape)) {
            return;
        }
        long side = Math.min(shape[0], factors(shape) / rank - shape[0]);
        if (rank > side) {
            throw new TrainingException(
                    "`lora` %d is above the rank that %s can have, %d; give a lower one"
                            .formatted(rank, name, side));
        }
    }
}
