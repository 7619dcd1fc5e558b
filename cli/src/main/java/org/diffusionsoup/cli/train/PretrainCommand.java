package org.diffusionsoup.cli.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.DrawingsFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.data.scene.Worlds;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.job.Resumption;
import org.diffusionsoup.workbench.pretrain.PretrainRecipe;
import org.diffusionsoup.workbench.pretrain.Pretrainer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup pretrain}: the embedded base from nothing. */
@Command(
        name = "pretrain",
        description = {
            "Train a small base from nothing on an endless stream of web-tier scenes: tokenizer,"
                    + " autoencoder, denoiser with its text encoder.",
            "Hours of work, in stages that are each done once; stopped at any point, the same"
                    + " command goes on."
        },
        footer = {
            "  soup pretrain --work pretraining --out my-base",
            "  soup pretrain --work pretraining --out my-base --stage vae",
            "  soup pretrain --work more --out better-base --from my-base --vae-steps 0"
        })
public final class PretrainCommand extends SoupCommand {
    @Mixin private DrawingsFlag drawings = new DrawingsFlag();
    @Mixin private DeviceFlag device = new DeviceFlag();

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
            description =
                    "Folder of the base, in diffusers layout; written at the end, and when the"
                            + " denoiser's training is stopped.")
    private Path out = Path.of(".");

    @Option(
            names = "--stage",
            split = ",",
            paramLabel = "STAGE",
            description = "Only these: tokenizer, vae, unet (default: all).")
    private List<Pretrainer.Stage> stages = List.of();

    @Option(
            names = "--vae-steps",
            defaultValue = "4000",
            paramLabel = "N",
            description = "Steps of the autoencoder (default: ${DEFAULT-VALUE}).")
    private long vaeSteps;

    @Option(
            names = "--vae-batch",
            defaultValue = "4",
            paramLabel = "N",
            description =
                    "Pictures per step of the autoencoder, a power of 2 (default:"
                            + " ${DEFAULT-VALUE}).")
    private int vaeBatch;

    @Option(
            names = "--unet-steps",
            defaultValue = "20000",
            paramLabel = "N",
            description = "Steps of the denoiser (default: ${DEFAULT-VALUE}).")
    private long unetSteps;

    @Option(
            names = "--unet-batch",
            defaultValue = "16",
            paramLabel = "N",
            description =
                    "Pictures per step of the denoiser, a power of 2 (default: ${DEFAULT-VALUE}).")
    private int unetBatch;

    @Option(
            names = "--unet-lr",
            defaultValue = "8e-4",
            paramLabel = "RATE",
            description = "Peak learning rate of the denoiser (default: ${DEFAULT-VALUE}).")
    private double unetRate;

    @Option(
            names = "--unet-schedule",
            defaultValue = "cosine",
            paramLabel = "SCHEDULE",
            description =
                    "What the denoiser's learning rate does after warm-up: constant or cosine"
                            + " (default: ${DEFAULT-VALUE}).")
    private TrainingOptions.Schedule unetSchedule = TrainingOptions.Schedule.COSINE;

    @Option(
            names = "--from",
            paramLabel = "MODEL",
            description =
                    "Base whose weights are trained on, instead of random ones; one with fewer"
                            + " latent channels is widened. Its tokenizer is taken over, with"
                            + " --vae-steps 0 its autoencoder too.")
    private @Nullable Path from;

    @Option(
            names = "--keep-latents",
            description =
                    "With --from: the base's latent channels stay as they are, so that its denoiser"
                            + " keeps what it knows; only new channels and the decoder are trained.")
    private boolean keepLatents;

    @Option(
            names = "--seed",
            defaultValue = "2026",
            paramLabel = "N",
            description =
                    "Seed of everything random, the stream of scenes too (default:"
                            + " ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) throws IOException {
        ModelOutput.MODEL_FOLDER.checkOwn(out);
        if (keepLatents && from == null) {
            throw misuse("--keep-latents needs --from, the base whose latents are kept.");
        }
        requireBatch("--vae-batch", vaeBatch);
        requireBatch("--unet-batch", unetBatch);
        EnumSet<Pretrainer.Stage> wanted =
                stages.isEmpty() ? EnumSet.allOf(Pretrainer.Stage.class) : EnumSet.copyOf(stages);
        try (FolderLock alone = FolderLock.hold(work);
                Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            Map<String, Long> before = tellResumption(progress, wanted);
            Drawings all = drawings.load(progress);
            SceneStream web = Worlds.web(all, seed);
            Pretrainer pretrainer =
                    new Pretrainer(
                            PretrainRecipe.scenes(
                                    vaeSteps,
                                    vaeBatch,
                                    unetSteps,
                                    unetBatch,
                                    unetRate,
                                    unetSchedule,
                                    seed),
                            web,
                            all.sha256(),
                            work,
                            Optional.ofNullable(from),
                            keepLatents,
                            progress,
                            interrupt);
            if (!pretrainer.run(wanted)) {
                progress.close();
                String soFar = "there is no denoiser yet, so nothing was written to " + out;
                if (pretrainer.publishable()) {
                    pretrainer.publish(out);
                    soFar = "what it has learnt so far is " + out;
                }
                console.stopped(
                        "Stopped; finished stages and the last checkpoint are kept in "
                                + work
                                + ", from which the same command goes on; "
                                + soFar
                                + ".");
                return;
            }
            progress.close();
            boolean whole = pretrainer.publishable();
            if (whole) {
                pretrainer.publish(out);
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("work", work.toString());
            result.put("resumedFrom", before);
            if (whole) {
                result.put("base", out.toString());
            }
            console.result(
                    result,
                    text -> text.println(whole ? out.toString() : "stages done in " + work));
        }
    }

    /** Before drawings are read; returns the steps of each stage that were done before. */
    private Map<String, Long> tellResumption(Progress progress, EnumSet<Pretrainer.Stage> wanted) {
        Map<String, Long> before = new LinkedHashMap<>();
        if (wanted.contains(Pretrainer.Stage.VAE)) {
            Path state = Resumption.stateIn(work, "vae");
            before.put("vae", Resumption.tell(progress, "The autoencoder", state, vaeSteps));
        }
        if (wanted.contains(Pretrainer.Stage.UNET)) {
            Path state = Resumption.stateIn(work, "unet");
            before.put("unet", Resumption.tell(progress, "The denoiser", state, unetSteps));
        }
        return before;
    }

    /** Scenes come in pools of a power of 2, which are whole numbers of batches. */
    private void requireBatch(String option, int batch) {
        if (batch < 1 || batch > 4096 || Integer.bitCount(batch) != 1) {
            throw misuse(option + " is a power of 2 from 1 to 4096, not " + batch + ".");
        }
    }
}
