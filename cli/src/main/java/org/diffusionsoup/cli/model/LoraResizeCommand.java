package org.diffusionsoup.cli.model;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraMaker;
import org.diffusionsoup.core.lora.LoraOutput;
import org.diffusionsoup.core.lora.MadeLora;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup lora resize}: the same LoRA at a smaller rank, or in another naming. */
@Command(
        name = "resize",
        description = {
            "Bring a LoRA of any naming and kind to a rank: the closest update of that rank, its"
                    + " error stated. Updates of that rank or below keep their factors.",
            "With a rank at least as large as the LoRA's this only changes naming and dtype."
        },
        footer = {
            "  soup lora resize style.safetensors --rank 8 -o small.safetensors",
            "  soup lora resize lycoris.safetensors --rank 32 -o style.safetensors --naming peft"
        })
final class LoraResizeCommand extends SoupCommand {
    @Parameters(paramLabel = "FILE", description = "A LoRA, as .safetensors or PyTorch file.")
    private Path file = Path.of("");

    @Option(names = "--rank", required = true, paramLabel = "R", description = "The largest rank.")
    private int rank = 1;

    @Mixin private LoraOutputFlags flags = new LoraOutputFlags();

    @Override
    protected void run(Console console) {
        int r = flags.rank(rank);
        LoraOutput output = flags.output(List.of(file));
        long start = System.nanoTime();
        MadeLora made;
        try (Lora lora = Lora.open(file);
                Progress progress = console.progress()) {
            made = new LoraMaker(output, new CountedSteps(progress, "updates")).resize(lora, r);
        }
        flags.say(console, made, (System.nanoTime() - start) / 1e9);
    }
}
