package org.diffusionsoup.cli.model;

import org.diffusionsoup.cli.command.CommandGroup;
import picocli.CommandLine.Command;

/** {@code soup lora}: low-rank updates of models. */
@Command(
        name = "lora",
        description = {
            "Look into LoRAs, put them into models, average, shrink and make them.",
            "Reads kohya (LoCon, SGM names), peft, diffusers old and new, cloneofsimo, LyCORIS (LoHa,"
                    + " LoKr, full differences) and DoRA."
        },
        subcommands = {
            LoraInspectCommand.class,
            LoraFuseCommand.class,
            LoraMergeCommand.class,
            LoraExtractCommand.class,
            LoraResizeCommand.class
        },
        footer = {
            "  soup lora inspect style.safetensors",
            "  soup lora fuse --model sd15/ --lora style.safetensors:0.7 -o styled/",
            "  soup lora merge a.safetensors b.safetensors -o mean.safetensors"
        })
public final class LoraCommand extends CommandGroup {}
