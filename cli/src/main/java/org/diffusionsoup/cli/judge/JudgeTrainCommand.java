package org.diffusionsoup.cli.judge;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.DrawingsFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.job.Resumption;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.judges.train.AestheticTrainer;
import org.diffusionsoup.workbench.judges.train.ClipJudgeTrainer;
import org.diffusionsoup.workbench.judges.train.JudgeMaterial;
import org.diffusionsoup.workbench.judges.train.RewardTrainer;
import org.diffusionsoup.workbench.judges.train.SceneMaterial;
import org.diffusionsoup.workbench.judges.train.ShardMaterial;
import org.diffusionsoup.workbench.judges.train.VqaTrainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup judge train}: small judges from nothing. */
@Command(
        name = "train",
        description = {
            "Train a small judge of a real judge's class on a data set's training rows, or on an"
                    + " endless stream of scenes of combinations that are not held out.",
            "Stopped at any point, the same command goes on from its last checkpoint."
        },
        footer = {
            "  soup judge train clip --data shards/emoji --work judging -o my-clip",
            "  soup judge train clip --data shards/emoji --work trial -o trial-clip --validation"
                    + " --steps 300",
            "  soup judge train vqa --data shards/emoji --work judging -o my-vqa",
            "  soup judge train reward --data shards/emoji --work judging -o my-reward --vqa my-vqa",
            "  soup judge train aesthetic --data shards/emoji --work judging -o my-aesthetic"
                    + " --clip my-clip",
            "  soup judge train clip --scenes --work judging -o scene-clip",
            "  soup judge train vqa --scenes --from my-vqa --work on -o scene-vqa"
        })
final class JudgeTrainCommand extends SoupCommand {
    @Parameters(
            paramLabel = "JUDGE",
            description = "What to train: clip, vqa, reward or aesthetic.")
    private JudgeKind kind = JudgeKind.CLIP;

    @Option(
            names = "--data",
            paramLabel = "SHARD",
            description = "Data set; its held-out rows are never read.")
    private Optional<String> data = Optional.empty();

    @Option(
            names = "--scenes",
            description = "Learn from scenes in all states of damage instead of a data set.")
    private boolean scenes;

    @Mixin private DrawingsFlag drawings = new DrawingsFlag();

    @Option(
            names = "--from",
            paramLabel = "DIR",
            description =
                    "Judge of the same kind to go on with instead of random weights; its shape,"
                            + " picture size and vocabulary stay.")
    private Optional<Path> from = Optional.empty();

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
            description =
                    "Folder of the judge; an earlier one is replaced, unless it came with the"
                            + " project.")
    private Path out = Path.of(".");

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Optimizer steps (default: as the recipe has it).")
    private Optional<Long> steps = Optional.empty();

    @Option(
            names = "--batch",
            paramLabel = "N",
            description =
                    "With --scenes: scenes per step, a power of 2 (default: as the recipe has it).")
    private Optional<Integer> batch = Optional.empty();

    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--validation",
            description =
                    "Keep a tenth of the training subjects back too, to choose settings by them.")
    private boolean validation;

    @Option(
            names = "--vqa",
            paramLabel = "DIR",
            description =
                    "For reward: the BLIP to start from (default: models/emoji-vqa; with --scenes it"
                            + " has to be named, as none of scenes is shipped).")
    private Optional<Path> vqa = Optional.empty();

    @Option(
            names = "--clip",
            paramLabel = "DIR",
            description =
                    "For aesthetic: the CLIP whose embeddings are read (default:"
                            + " models/judge-clip; with --scenes it has to be named, as none of scenes"
                            + " is shipped).")
    private Optional<Path> clip = Optional.empty();

    @Option(
            names = "--base",
            defaultValue = "models/emoji-base",
            paramLabel = "DIR",
            description =
                    "For reward and aesthetic on a data set: the model whose incomplete drawings are the"
                            + " worse pictures (default: ${DEFAULT-VALUE}).")
    private Path base = Path.of(".");

    @Option(
            names = "--seed",
            defaultValue = "41",
            paramLabel = "N",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) throws IOException {
        Count.of("--steps", steps, this::misuse);
        if (scenes == data.isPresent()) {
            throw misuse("Say what the judge learns from: either --data SHARD or --scenes.");
        }
        if (scenes && validation) {
            throw misuse(
                    "--validation keeps subjects of a data set back; with --scenes it has"
                            + " none to keep. Leave it out.");
        }
        if (batch.isPresent() && (!scenes || !isBatch(batch.get()))) {
            throw misuse("--batch is for --scenes, and a power of 2 from 8 to 1024.");
        }
        ModelOutput.WEIGHTS_FOLDER.check(out, true);
        requireScenesOwn();
        Path blip = vqa.orElse(Path.of("models/emoji-vqa"));
        Path embedder = clip.orElse(Path.of("models/judge-clip"));
        long before;
        try (FolderLock alone = FolderLock.hold(work);
                Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            JudgeMaterial material = material(progress);
            long wanted = steps.orElseGet(() -> material.recipe(kind).steps());
            before =
                    Resumption.tell(
                            progress, "The judge", Resumption.stateIn(work, kind.word()), wanted);
            boolean finished =
                    switch (kind) {
                        case CLIP ->
                                new ClipJudgeTrainer(material, from, work, progress, interrupt)
                                        .run(wanted, seed, out);
                        case VQA ->
                                new VqaTrainer(material, from, work, progress, interrupt)
                                        .run(wanted, seed, out);
                        case REWARD ->
                                new RewardTrainer(material, from, blip, work, progress, interrupt)
                                        .run(wanted, seed, out);
                        case AESTHETIC ->
                                new AestheticTrainer(
                                                material, from, embedder, work, progress, interrupt)
                                        .run(wanted, seed, out);
                    };
            progress.close();
            if (!finished) {
                console.stopped(Resumption.stopped(Resumption.stateIn(work, kind.word()), wanted));
                return;
            }
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("judge", kind.word());
        result.put("out", out.toString());
        result.put("resumedFrom", before);
        console.result(result, text -> text.println(out));
    }

    /** What a judge of scenes is made from is a judge of scenes, and none is shipped. */
    private void requireScenesOwn() {
        if (scenes && kind == JudgeKind.REWARD && vqa.isEmpty() && from.isEmpty()) {
            throw misuse(
                    "--vqa DIR is missing: a reward of scenes starts from a BLIP of scenes, which"
                            + " 'soup judge train vqa --scenes' makes.");
        }
        if (scenes && kind == JudgeKind.AESTHETIC && clip.isEmpty()) {
            throw misuse(
                    "--clip DIR is missing: an aesthetic head of scenes reads a CLIP of scenes, which"
                            + " 'soup judge train clip --scenes' makes.");
        }
    }

    private JudgeMaterial material(Progress progress) {
        return scenes
                ? new SceneMaterial(
                        drawings.load(progress),
                        batch.map(OptionalInt::of).orElse(OptionalInt.empty()))
                : new ShardMaterial(ShardRef.parse(data.orElseThrow()).open(), validation, base);
    }

    /** Scenes come in pools of a power of 2, which are whole numbers of batches. */
    private static boolean isBatch(int n) {
        return n >= 8 && n <= 1024 && Integer.bitCount(n) == 1;
    }
}
