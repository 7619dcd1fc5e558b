package org.diffusionsoup.cli.train;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code soup train} takes to train low-rank factors in the place of the UNet's weights. */
final class LoraFlags {
    /** Ten times the rate for weights: B starts at zero, and both factors have far to go. */
    private static final double RATE = 2e-3;

    @Option(
            names = "--lora",
            paramLabel = "RANK",
            description =
                    "Train a LoRA of this rank beside the UNet's weights, which stay as they are. --out"
                            + " FILE.safetensors gets the factors; a folder the base with them in it.")
    private @Nullable Integer rank;

    @Option(
            names = "--lora-alpha",
            paramLabel = "A",
            description = "The LoRA's strength is this over its rank (default: the rank).")
    private @Nullable Double alpha;

    @Option(
            names = "--lora-target",
            paramLabel = "WHERE",
            description =
                    "Weights that have factors: attention (its projections), or all of transformers,"
                            + " ResNet blocks and samplers (default: attention).")
    private LowRankOptions.@Nullable Target target;

    /** Refuses combinations that mean nothing. */
    void check(SoupCommand command, Path out, boolean paper, boolean recorded) {
        if (rank == null) {
            if (alpha != null || target != null) {
                throw command.misuse("--lora-alpha and --lora-target need --lora RANK.");
            }
            if (FineTuneRequest.isFactors(out)) {
                throw command.misuse(
                        out + " names a LoRA's file: add --lora RANK, or name a folder.");
            }
            return;
        }
        if (paper) {
            throw command.misuse(
                    "--paper is a recipe for the UNet's own weights; leave out --paper or --lora.");
        }
        if (recorded && FineTuneRequest.isFactors(out)) {
            throw command.misuse(
                    "A registry records whole models: with --registry, name a folder, which gets the"
                            + " base with the LoRA in it.");
        }
    }

    Optional<LowRankOptions> options() {
        return rank == null
                ? Optional.empty()
                : Optional.of(
                        new LowRankOptions(
                                rank,
                                alpha == null ? rank : alpha,
                                target == null ? LowRankOptions.Target.ATTENTION : target));
    }

    double rate(double usual) {
        return rank == null ? usual : RATE;
    }
}
