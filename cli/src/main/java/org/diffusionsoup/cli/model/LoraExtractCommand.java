package org.diffusionsoup.cli.model;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.lora.LoraMaker;
import org.diffusionsoup.core.lora.LoraOutput;
import org.diffusionsoup.core.lora.MadeLora;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup lora extract}: the difference of two models as a LoRA. */
@Command(
        name = "extract",
        description = {
            "Take the difference of a fine-tuned model and its base as a LoRA: for every matrix and"
                    + " convolution of denoiser and text encoders the closest update of a rank.",
            "How much of the difference is missed is stated, for each tensor and in all."
        },
        footer = {
            "  soup lora extract sd15/ tuned/ -o tuned-lora.safetensors --rank 32",
            "  soup lora extract sd15.safetensors tuned.safetensors -o lora.safetensors --rank 8"
                    + " --naming peft --dtype F16"
        })
final class LoraExtractCommand extends SoupCommand {
    @Parameters(index = "0", paramLabel = "BASE", description = "The model that the LoRA is for.")
    private Path base = Path.of("");

    @Parameters(index = "1", paramLabel = "TUNED", description = "The model to come close to.")
    private Path tuned = Path.of("");

    @Option(names = "--rank", required = true, paramLabel = "R", description = "Rank of the LoRA.")
    private int rank = 1;

    @Option(
            names = "--vectors",
            description =
                    "Keep differences of norms and biases, too, whole, as .diff and .diff_b, which not"
                            + " all programs read.")
    private boolean vectors;

    @Mixin private LoraOutputFlags flags = new LoraOutputFlags();

    @Override
    protected void run(Console console) {
        int r = flags.rank(rank);
        LoraOutput output = flags.output(List.of(base, tuned));
        long start = System.nanoTime();
        MadeLora made;
        try (Checkpoint from = Checkpoint.open(base);
                Checkpoint to = Checkpoint.open(tuned);
                Progress progress = console.progress()) {
            made =
                    new LoraMaker(output, new CountedSteps(progress, "tensors"))
                            .difference(from, to, r, vectors);
        }
        flags.say(console, made, (System.nanoTime() - start) / 1e9);
    }
}
