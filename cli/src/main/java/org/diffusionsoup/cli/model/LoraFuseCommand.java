package org.diffusionsoup.cli.model;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.lora.LoraFuser;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.LoraUse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup lora fuse}: a model with LoRAs in its weights. */
@Command(
        name = "fuse",
        description = {
            "Put LoRAs into a model: every updated weight is W + s * update, summed in float64 and"
                    + " rounded once to the model's dtype.",
            "Several are added up, each relative to the model without the others. The output appears"
                    + " whole or not at all."
        },
        footer = {
            "  soup lora fuse --model sd15/ --lora style.safetensors:0.7 -o styled/",
            "  soup lora fuse --model sd15/ --lora a.safetensors:0.6 --lora b.safetensors:0.4 -o ab/"
        })
final class LoraFuseCommand extends SoupCommand {
    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Model in diffusers layout.")
    private Path model = Path.of("");

    @Option(
            names = "--lora",
            required = true,
            paramLabel = "FILE[:S]",
            description = "LoRA and its strength (default: 1); repeatable.")
    private List<Path> loras = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The folder to make.")
    private Path out = Path.of("");

    @Option(names = "--force", description = "Replace an existing output.")
    private boolean force;

    @Override
    protected void run(Console console) {
        ModelOutput.MODEL_FOLDER.check(out, force);
        List<LoraUse> uses = loras.stream().map(l -> LoraUse.parse(l.toString())).toList();
        Inputs.keep(
                out,
                Stream.concat(Stream.of(model), uses.stream().map(LoraUse::file)).toList(),
                "its input");
        long start = System.nanoTime();
        LoraFuser.Result made;
        try (Checkpoint base = Checkpoint.open(model);
                LoraUse.Open open = LoraUse.open(uses, LoraFuser.components(base));
                Progress progress = console.progress()) {
            made =
                    LoraFuser.write(
                            base,
                            open.terms(),
                            new CheckpointWriter(force, 0),
                            out,
                            new MegabyteSteps(progress));
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", made.output().toString());
        json.put("model", model.toString());
        json.put("loras", uses.stream().map(LoraUse::text).toList());
        json.put("updated", made.updated());
        json.put("bytes", made.bytes());
        json.put("seconds", seconds);
        console.result(
                json,
                text -> {
                    text.println(
                            made.output()
                                    + ": "
                                    + Quantity.of(made.updated(), "tensor")
                                    + " updated, "
                                    + Quantity.bytes(made.bytes())
                                    + ", in "
                                    + Quantity.seconds(seconds));
                    uses.forEach(u ->
                            text.println(
                                    "  "
                                            + LoraInspectCommand.number(u.strength())
                                            + "  "
                                            + u.file()
                                            + (u.strength() == 0 ? "  (changes nothing)" : "")));
                });
    }
}
