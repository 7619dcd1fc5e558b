package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.pretrain.PretrainRecipe;
import org.diffusionsoup.workbench.pretrain.Pretrainer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup pretrain}: the embedded base from nothing. */
@Command(
        name = "pretrain",
        description = {
            "Train a small base from nothing: tokenizer, autoencoder, CLIP, denoiser.",
            "Hours of work, in stages that are each done once; stopped at any point, the same"
                    + " command goes on."
        },
        footer = {
            "  soup pretrain --data shards/emoji --work pretraining --out my-base --clip-out my-clip",
            "  soup pretrain --data shards/emoji --work pretraining --out my-base --clip-out my-clip"
                    + " --stage vae,clip"
        })
final class PretrainCommand extends SoupCommand {
    @Option(
            names = "--data",
            required = true,
            paramLabel = "SHARD",
            description = "Data set; its held-out rows are never trained on.")
    private String data = "";

    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder of finished stages and checkpoints.")
    private Path work = Path.of(".");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the base, in diffusers layout.")
    private Path out = Path.of(".");

    @Option(
            names = "--clip-out",
            required = true,
            paramLabel = "DIR",
            description = "Folder of the CLIP whose text tower the base uses.")
    private Path clipOut = Path.of(".");

    @Option(
            names = "--stage",
            split = ",",
            paramLabel = "STAGE",
            description = "Only these: ${COMPLETION-CANDIDATES} (default: all).")
    private List<Pretrainer.Stage> stages = List.of();

    @Option(
            names = "--vae-steps",
            defaultValue = "2000",
            paramLabel = "N",
            description = "Steps of 16 pictures (default: ${DEFAULT-VALUE}).")
    private long vaeSteps;

    @Option(
            names = "--clip-steps",
            defaultValue = "1100",
            paramLabel = "N",
            description = "Steps of 128 pictures (default: ${DEFAULT-VALUE}).")
    private long clipSteps;

    @Option(
            names = "--unet-steps",
            defaultValue = "7000",
            paramLabel = "N",
            description = "Steps of 16 pictures (default: ${DEFAULT-VALUE}).")
    private long unetSteps;

    @Option(
            names = "--unet-from",
            paramLabel = "MODEL",
            description =
                    "Base whose denoiser is trained on, instead of from random weights; the work"
                            + " folder's autoencoder and tokenizer must be that base's.")
    private @Nullable Path unetFrom;

    @Option(
            names = "--train-text",
            description =
                    "Let the text encoder learn with the denoiser; the CLIP keeps its own tower.")
    private boolean trainText;

    @Option(
            names = "--seed",
            defaultValue = "2026",
            paramLabel = "N",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) throws IOException {
        OutputKind.MODEL_FOLDER.checkOwn(out);
        OutputKind.WEIGHTS_FOLDER.checkOwn(clipOut);
        EnumSet<Pretrainer.Stage> wanted =
                stages.isEmpty() ? EnumSet.allOf(Pretrainer.Stage.class) : EnumSet.copyOf(stages);
        try (Interrupt interrupt = Interrupt.listen();
                Progress progress = console.progress()) {
            Pretrainer pretrainer =
                    new Pretrainer(
                            PretrainRecipe.emoji(vaeSteps, clipSteps, unetSteps, seed),
                            ShardRef.parse(data).open(),
                            work,
                            Optional.ofNullable(unetFrom),
                            trainText,
                            progress,
                            interrupt);
            if (!pretrainer.run(wanted)) {
                console.note("Stopped; the same command goes on from " + work + ".");
                return;
            }
            progress.close();
            boolean whole = wanted.size() == Pretrainer.Stage.values().length;
            if (whole) {
                pretrainer.publish(out, clipOut);
            }
            Map<String, String> result = new LinkedHashMap<>();
            result.put("work", work.toString());
            if (whole) {
                result.put("base", out.toString());
                result.put("clip", clipOut.toString());
            }
            console.result(
                    result,
                    text ->
                            text.println(
                                    whole ? out + " and " + clipOut : "stages done in " + work));
        }
    }
}
