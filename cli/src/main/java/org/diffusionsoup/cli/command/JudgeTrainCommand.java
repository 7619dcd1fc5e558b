package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.AestheticTrainer;
import org.diffusionsoup.workbench.judges.ClipJudgeTrainer;
import org.diffusionsoup.workbench.judges.ClipShape;
import org.diffusionsoup.workbench.judges.RewardTrainer;
import org.diffusionsoup.workbench.judges.VqaTrainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup judge train}: small judges from nothing. */
@Command(
        name = "train",
        description = {
            "Train a small judge of a real judge's class on a data set's training rows.",
            "Stopped at any point, the same command goes on from its last checkpoint."
        },
        footer = {
            "  soup judge train clip --data shards/emoji --work judging -o my-clip",
            "  soup judge train clip --data shards/emoji --work trial -o trial-clip --validation"
                    + " --steps 300",
            "  soup judge train vqa --data shards/emoji --work judging -o my-vqa",
            "  soup judge train reward --data shards/emoji --work judging -o my-reward --vqa my-vqa",
            "  soup judge train aesthetic --data shards/emoji --work judging -o my-aesthetic"
                    + " --clip my-clip"
        })
final class JudgeTrainCommand extends SoupCommand {
    /** What is trained. */
    private enum Kind {
        /** CLIP score. */
        CLIP,
        /** BLIP that answers questions. */
        VQA,
        /** ImageReward. */
        REWARD,
        /** LAION's aesthetic predictor, on a CLIP. */
        AESTHETIC;

        private long steps() {
            return switch (this) {
                case CLIP -> 800;
                case VQA -> 1500;
                case REWARD -> 1000;
                case AESTHETIC -> 600;
            };
        }
    }

    @Parameters(
            paramLabel = "JUDGE",
            description = "What to train: ${COMPLETION-CANDIDATES}, in any case.")
    private Kind kind = Kind.CLIP;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "SHARD",
            description = "Data set; its held-out rows are never read.")
    private String data = "";

    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder of checkpoints and loss curves.")
    private Path work = Path.of(".");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the judge; replaced when it exists.")
    private Path out = Path.of(".");

    @Option(
            names = "--steps",
            defaultValue = "0",
            paramLabel = "N",
            description = "Optimizer steps (default: as the embedded judge had).")
    private long steps;

    @Option(
            names = "--validation",
            description =
                    "Keep a tenth of the training subjects back too, to choose settings by them.")
    private boolean validation;

    @Option(
            names = "--vqa",
            defaultValue = "models/emoji-vqa",
            paramLabel = "DIR",
            description = "For reward: the BLIP to start from (default: ${DEFAULT-VALUE}).")
    private Path vqa = Path.of(".");

    @Option(
            names = "--clip",
            defaultValue = "models/judge-clip",
            paramLabel = "DIR",
            description =
                    "For aesthetic: the CLIP whose embeddings are read (default:"
                            + " ${DEFAULT-VALUE}).")
    private Path clip = Path.of(".");

    @Option(
            names = "--base",
            defaultValue = "models/emoji-base",
            paramLabel = "DIR",
            description =
                    "For reward and aesthetic: the model whose incomplete drawings are the worse pictures"
                            + " (default: ${DEFAULT-VALUE}).")
    private Path base = Path.of(".");

    @Option(
            names = "--seed",
            defaultValue = "41",
            paramLabel = "N",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) throws IOException {
        if (steps < 0) {
            throw misuse("--steps must be at least 1, not " + steps + ".");
        }
        OutputKind.WEIGHTS_FOLDER.checkOwn(out);
        long wanted = steps == 0 ? kind.steps() : steps;
        Shard shard = ShardRef.parse(data).open();
        boolean finished;
        try (Interrupt interrupt = Interrupt.listen();
                Progress progress = console.progress()) {
            finished =
                    switch (kind) {
                        case CLIP ->
                                new ClipJudgeTrainer(
                                                ClipShape.EMBEDDED,
                                                shard,
                                                validation,
                                                work,
                                                progress,
                                                interrupt)
                                        .run(wanted, seed, out);
                        case VQA ->
                                new VqaTrainer(shard, work, progress, interrupt)
                                        .run(wanted, seed, out);
                        case REWARD ->
                                new RewardTrainer(shard, vqa, base, work, progress, interrupt)
                                        .run(wanted, seed, out);
                        case AESTHETIC ->
                                new AestheticTrainer(shard, clip, base, work, progress, interrupt)
                                        .run(wanted, seed, out);
                    };
        }
        if (!finished) {
            console.note("Stopped; the same command goes on from " + work + ".");
            return;
        }
        Map<String, String> result =
                Map.of("judge", kind.name().toLowerCase(Locale.ROOT), "out", out.toString());
        console.result(result, text -> text.println(out));
    }
}
