package org.diffusionsoup.cli.train;

import com.fasterxml.jackson.core.type.TypeReference;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.job.Resumption;
import org.diffusionsoup.workbench.registry.RegisteredTraining;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;
import org.diffusionsoup.workbench.train.FinishedRun;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup train}: one ingredient from a base and a shard. */
@Command(
        name = "train",
        description = {
            "Fine-tune one ingredient: a copy of the base trained on one shard.",
            "Stopped with Ctrl-C or killed, the same command goes on from its last checkpoint and"
                    + " ends in the same bytes."
        },
        footer = {
            "  soup train --base models/emoji-base --shard 'shards/emoji#domain=animals' --out animals",
            "  soup train --base models/emoji-base --shard my-shard.tar --out mine --steps 500 --lr 1e-4",
            "  soup train --base models/emoji-base --shard my-shard.tar --out mine --steps 600"
                    + " --keep-every 200 --ema 0.99",
            "  soup train --base sd21 --shard food.tar --out food --paper --checkpointing",
            "  soup train --base sdxl.safetensors --shard food.tar --out food.safetensors --lora 16"
                    + " --min-snr 5 --dry-run",
            "  soup train --base models/emoji-base --shard my-shard.tar --lora 8 --out mine.safetensors",
            "  soup train --registry soup-registry --base models/emoji-base --shard noto --out noto"
        })
public final class TrainCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--base",
            required = true,
            paramLabel = "DIR",
            description =
                    "The shared base: a folder in diffusers layout, or a single file; Stable Diffusion 1.x,"
                            + " 2.x or XL.")
    private Path base = Path.of(".");

    @Option(
            names = "--shard",
            required = true,
            paramLabel = "SHARD",
            description =
                    "Shard to train on: a tar, or a view as DATASET#domain=animals; with --registry,"
                            + " the name of a recorded shard. Several make their union (a paragon).")
    private List<String> shards = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description =
                    "Folder of the ingredient; with --lora, a name in .safetensors is that of a file of"
                            + " the factors alone.")
    private Path out = Path.of(".");

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Optimizer steps (default: 150; 10000 with --paper).")
    private @Nullable Long steps;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Pictures per pass (default: 16; 8 with --paper).")
    private @Nullable Integer batch;

    @Option(
            names = "--accumulate",
            defaultValue = "1",
            paramLabel = "N",
            description = "Passes per optimizer step (default: ${DEFAULT-VALUE}).")
    private int accumulate;

    @Option(
            names = "--lr",
            paramLabel = "RATE",
            description =
                    "Learning rate of AdamW (default: 2e-4; 2e-3 with --lora; 1e-6 with --paper).")
    private @Nullable Double lr;

    @Option(
            names = "--ema",
            defaultValue = "0",
            paramLabel = "DECAY",
            description = "Decay of a moving average of the weights, 0 for none.")
    private double ema;

    @Option(
            names = "--caption-dropout",
            defaultValue = "0.1",
            paramLabel = "P",
            description = "Share of pictures without caption (default: ${DEFAULT-VALUE}).")
    private double captionDropout;

    @Option(
            names = "--min-snr",
            defaultValue = "0",
            paramLabel = "GAMMA",
            description =
                    "Weigh timesteps by min-SNR with this gamma, usually 5 (default: 0, all the same).")
    private double minSnr;

    @Option(
            names = "--offset-noise",
            defaultValue = "0",
            paramLabel = "STRENGTH",
            description =
                    "Offset noise, usually 0.05 to 0.1, which teaches the model very dark and very"
                            + " bright pictures (default: none).")
    private double offsetNoise;

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--checkpoint-every",
            defaultValue = "" + FineTuneRequest.CHECKPOINT_EVERY,
            paramLabel = "N",
            description =
                    "Most steps between checkpoints, of which there is one every four minutes too"
                            + " (default: ${DEFAULT-VALUE}).")
    private long checkpointEvery;

    @Option(
            names = "--keep-every",
            paramLabel = "N",
            description =
                    "Keep the model of every N-th step too, in folders beside --out such as"
                            + " OUT-step000200, with the moving average put in (default: none).")
    private Optional<Long> keepEvery = Optional.empty();

    @Mixin private BucketFlag buckets = new BucketFlag();

    @Mixin private LoraFlags lora = new LoraFlags();

    @Option(
            names = "--paper",
            description =
                    "The paper's recipe for SD 2.1: learning rate 1e-6, 10,000 steps, in float32.")
    private boolean paper;

    @Option(
            names = "--bfloat16",
            description =
                    "Matrix products and convolutions in bfloat16 instead of float32: less memory, and"
                            + " faster on processors that have it in hardware, up to ten times slower on"
                            + " others; soup bench train tells.")
    private boolean bfloat16;

    @Option(
            names = "--checkpointing",
            description =
                    "Gradient checkpointing: compute activations again in the backward pass instead of"
                            + " holding them. The same bytes with less memory, in about a third more"
                            + " time.")
    private boolean checkpointing;

    @Option(names = "--float32", description = "Compute in float32, which is the default.")
    private boolean float32;

    @Option(
            names = "--dry-run",
            description =
                    "Say how much memory the training would take and whether it fits, and do nothing.")
    private boolean dryRun;

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Option(
            names = "--registry",
            paramLabel = "DIR",
            description = "Record the ingredient here; --base must be one that is recorded.")
    private Optional<Path> registry = Optional.empty();

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "With --registry: what to call the ingredient (default: as its shard).")
    private Optional<String> name = Optional.empty();

    @Override
    protected void run(Console console) throws IOException {
        if (name.isPresent() && registry.isEmpty()) {
            throw misuse("--name needs --registry.");
        }
        keepEvery
                .filter(every -> every < 1)
                .ifPresent(every -> {
                    throw misuse("--keep-every must be 1 or more; leave it out to keep none.");
                });
        if (dryRun && registry.isPresent()) {
            throw misuse("--dry-run records nothing; leave out --registry.");
        }
        lora.check(this, out, paper, registry.isPresent());
        if (registry.isPresent() && (force || !FinishedRun.isLikely(out, options()))) {
            ModelOutput.MODEL_FOLDER.check(out, force); // before bases are compared
        }
        Optional<RegisteredTraining> record =
                registry.map(r -> RegisteredTraining.begin(r, base, shards, name, out));
        // a recorded base is a folder of the registry's kind already
        Path start = registry.isPresent() ? base : RunnableFolders.runnable(base, console);
        FineTuneRequest request =
                new FineTuneRequest(
                                start,
                                record.map(RegisteredTraining::sources).orElse(shards),
                                out,
                                options(),
                                captionDropout,
                                checkpointEvery,
                                force)
                        .training(lora.options())
                        .minimising(new DenoisingLoss(minSnr, offsetNoise))
                        .checkpointing(checkpointing)
                        .inBuckets(buckets.rule(start))
                        .keeping(keepEvery.orElse(0L));
        try (Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            FineTuner tuner = new FineTuner(request, progress, interrupt);
            if (dryRun) {
                FineTuner.Plan plan = tuner.plan();
                progress.close();
                console.result(
                        TrainingPlans.json(plan), text -> TrainingPlans.describe(plan, text));
                return;
            }
            Optional<FinishedRun> finished = record.flatMap(r -> FinishedRun.of(request));
            if (finished.isPresent()) {
                progress.close();
                TrainingPlans.recorded(finished.get(), record.orElseThrow().end(), console);
                return;
            }
            record.ifPresent(r -> {
                r.checkName();
                tuner.keepNote();
            });
            Optional<FineTuner.Result> result =
                    tuner.run(plan -> TrainingPlans.note(plan, console));
            progress.close();
            if (result.isEmpty()) {
                console.stopped(Resumption.stopped(request.stateFolder(), request.stopAfter()));
                return;
            }
            FineTuner.Result r = result.get();
            Optional<RegisteredTraining.Recorded> recorded = record.map(RegisteredTraining::end);
            console.result(
                    json(r, tuner, recorded),
                    text -> {
                        text.printf(
                                Locale.ROOT,
                                "%s: %s, %s, mean loss of the last %s %.4f, %.1f images/s%n",
                                r.out(),
                                Quantity.of(r.rows(), "picture"),
                                Quantity.of(r.steps(), "step"),
                                r.lossSteps() == 1 ? "step" : Plural.of(r.lossSteps(), "step"),
                                r.finalLoss(),
                                r.imagesPerSecond());
                        text.println(
                                (request.writesFactors() ? "LoRA " : "UNet ") + r.weightsSha256());
                        r.kept().forEach(k -> text.println("kept " + k.getFileName()));
                        recorded.ifPresent(i -> i.lines().forEach(text::println));
                    });
            r.notes().forEach(console::note);
        }
    }

    private static Map<String, Object> json(
            FineTuner.Result result,
            FineTuner tuner,
            Optional<RegisteredTraining.Recorded> recorded) {
        Map<String, Object> all =
                JsonMappers.PLAIN.convertValue(
                        result, new TypeReference<LinkedHashMap<String, Object>>() {});
        all.put("notes", Flags.in(result.notes()));
        tuner.buckets().ifPresent(b -> TrainingPlans.buckets(b, all));
        recorded.ifPresent(i -> all.put("ingredient", i));
        return all;
    }

    private TrainingOptions options() {
        if (bfloat16 && float32) {
            throw misuse("--bfloat16 and --float32 exclude each other; give one of them.");
        }
        TrainingOptions d =
                paper
                        ? TrainingOptions.paper(seed)
                        : FineTuneRequest.embeddedDefaults(steps == null ? 150 : steps, seed);
        return new TrainingOptions(
                steps == null ? d.steps() : steps,
                batch == null ? d.batch() : batch,
                accumulate,
                lr == null ? lora.rate(d.learningRate()) : lr,
                d.schedule(),
                d.warmup(),
                d.weightDecay(),
                d.beta1(),
                d.beta2(),
                d.eps(),
                d.clipNorm(),
                ema,
                seed,
                bfloat16);
    }
}
