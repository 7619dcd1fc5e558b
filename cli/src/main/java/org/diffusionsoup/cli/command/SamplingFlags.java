package org.diffusionsoup.cli.command;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.diffusionsoup.workbench.generate.Prompts;
import org.diffusionsoup.workbench.generate.Sampler;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that say how pictures are sampled, shared by every command that draws. */
public final class SamplingFlags {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = {"--seed", "--seeds"},
            defaultValue = "0",
            paramLabel = "LIST",
            description =
                    "Seeds of the noise, as 0,1,2 or 0-3; a seed gives every model the same noise"
                            + " (default: ${DEFAULT-VALUE}).")
    private String seeds = "0";

    @Option(
            names = "--steps",
            defaultValue = "" + GenerateSettings.STEPS,
            paramLabel = "N",
            description = "Denoising steps (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--guidance",
            defaultValue = "" + GenerateSettings.GUIDANCE,
            paramLabel = "SCALE",
            description =
                    "Scale of classifier-free guidance, 1 or less for none (default: ${DEFAULT-VALUE}).")
    private double guidance;

    @Option(
            names = "--negative",
            defaultValue = "",
            paramLabel = "TEXT",
            description =
                    "Prompt that guidance leads away from (default: none, which for SDXL models that"
                            + " say so is a condition of zeros, and otherwise the empty prompt).")
    private String negative = "";

    @Option(
            names = "--scheduler",
            paramLabel = "NAME",
            description =
                    "ddim, ddpm, dpm++2m, euler, euler-a, heun, lms, pndm or unipc (default: the"
                            + " model's own).")
    private Optional<String> scheduler = Optional.empty();

    @Option(
            names = "--size",
            paramLabel = "PIXELS",
            description =
                    "Side of the pictures, or width and height as 768x512 (default: what the model"
                            + " was trained on).")
    private Optional<String> size = Optional.empty();

    @Option(
            names = "--batch",
            defaultValue = "" + GenerateSettings.BATCH,
            paramLabel = "N",
            description = "Pictures denoised together (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--yes",
            description =
                    "Draw even where that takes more than two hours; otherwise the time is"
                            + " estimated first, and long work refused.")
    private boolean yes;

    public List<Long> seeds() {
        return Prompts.seeds(seeds);
    }

    public GenerateSettings settings() {
        return new GenerateSettings(
                steps,
                guidance,
                negative,
                scheduler.map(Sampler::parse),
                size.map(PictureSize::parse),
                Optional.empty(),
                batch,
                yes,
                WeightFormat.F32);
    }
}
