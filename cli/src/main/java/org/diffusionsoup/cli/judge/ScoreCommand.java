package org.diffusionsoup.cli.judge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.PromptFlags;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.command.SamplingFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.text.TextReading;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.TifaJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.evaluate.ModelScores;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.evaluate.PsnrCheck;
import org.diffusionsoup.workbench.evaluate.SubjectRetrieval;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.generate.PromptNotes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup score}: what pictures are worth. */
@Command(
        name = "score",
        description = {
            "Score models, or real pictures: with CLIP score, ImageReward, TIFA or the aesthetic"
                    + " predictor as judge.",
            "Every score names its judge, the hash of the judge's weights, the convention, and the"
                    + " numbers of prompts and seeds; intervals are 95 %% bootstrap over prompts.",
            "With --loss, no judge and nothing drawn: the denoising loss of models on a shard's"
                    + " pictures, the same timesteps and noise for every model; lower is better."
        },
        footer = {
            "  soup score --judge models/emoji-clip --model base --model my-soup --prompts prompts.txt"
                    + " --seeds 0-3",
            "  soup score --judge models/emoji-clip --model my-soup --shard 'shards/emoji#domain=food'",
            "  soup score --judge models/emoji-clip --shard shards/emoji",
            "  soup score --judge models/emoji-clip --model models/emoji-base --shard shards/emoji"
                    + " --retrieval 5 --subjects 200 --provider noto",
            "  soup score --judge imagereward:ImageReward.pt --model my-soup --prompts prompts.txt",
            "  soup score --judge tifa:vqa --questions questions.json --model base --model my-soup",
            "  soup score --judge aesthetic:clip-vit-large-patch14,head.pth --model my-soup --prompts"
                    + " prompts.txt",
            "  soup score --vae --model models/emoji-base --shard shards/emoji",
            "  soup score --loss --model models/emoji-base --model food --model my-soup --shard"
                    + " 'shards/emoji#domain=food'"
        })
public final class ScoreCommand extends SoupCommand {
    private static final int RETRIEVAL_SUBJECTS = 200;

    /** Of more texts than these only the number of cut ones is told. */
    private static final int FEW_TEXTS = 20;

    /** How a cosine becomes a score. */
    private enum Convention {
        RAW(ClipConvention.RAW_COSINE),
        X100(ClipConvention.TIMES_100),
        X2_5(ClipConvention.TIMES_2_5);

        private final ClipConvention meant;

        Convention(ClipConvention meant) {
            this.meant = meant;
        }
    }

    @Option(
            names = "--judge",
            paramLabel = "JUDGE",
            description =
                    "clip:DIR (a CLIP in transformers' layout with its preprocessor_config.json;"
                            + " just DIR is the same), imagereward:PATH, tifa:PATH (a BLIP-VQA"
                            + " answers --questions), tifa:clip:DIR (a CLIP answers), or"
                            + " aesthetic:DIR,HEAD (a CLIP and the predictor's head).")
    private Optional<String> judgeText = Optional.empty();

    @Option(
            names = "--questions",
            paramLabel = "FILE",
            description =
                    "TIFA v1.0 question file of a tifa judge; without other prompts its captions"
                            + " are drawn.")
    private Optional<Path> questions = Optional.empty();

    @Option(
            names = "--convention",
            defaultValue = "raw",
            paramLabel = "NAME",
            description =
                    "raw (the cosine), x100 (100·max(cos, 0)) or x2.5 (2.5·max(cos, 0))"
                            + " (default: ${DEFAULT-VALUE}).")
    private String convention = "raw";

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description =
                    "Model, a folder or a single file; several are compared with the first. Without one,"
                            + " the shard's real pictures are scored against their captions.")
    private List<Path> models = List.of();

    @Option(names = "--prompt", paramLabel = "TEXT", description = "What to draw; repeatable.")
    private List<String> prompts = List.of();

    @Mixin private PromptFlags given = new PromptFlags();

    @Option(
            names = "--retrieval",
            paramLabel = "K",
            description =
                    "Instead of scores: of one picture per subject, how many find their own prompt"
                            + " among the K most similar of all subjects' prompts; real pictures"
                            + " beside them. Picture i has the seed SEED + i.")
    private Optional<Integer> retrieval = Optional.empty();

    @Option(
            names = "--vae",
            description =
                    "Instead of scores: how well the model's autoencoder gives the shard's"
                            + " pictures back.")
    private boolean vae;

    @Mixin private LossFlags loss = new LossFlags();

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    @Override
    protected void run(Console console) throws IOException {
        models = RunnableFolders.runnable(models, console);
        if (loss.isOn(this)) {
            requireShard();
            loss.run(this, console, models, given.shard(), sampling);
            return;
        }
        if (vae) {
            reconstruct(console);
            return;
        }
        JudgeSpec spec =
                JudgeSpec.parse(
                        judgeText.orElseThrow(
                                () -> misuse("missing --judge JUDGE: who is to score?")),
                        questions);
        Count.of("--retrieval", retrieval, this::misuse);
        if (retrieval.isPresent() && spec.kind() != JudgeSpec.Kind.CLIP) {
            throw misuse("--retrieval compares embeddings; give a CLIP as --judge.");
        }
        try (Interrupt interrupt = Interrupt.listen(console)) {
            measure(console, spec, interrupt);
        }
    }

    private void measure(Console console, JudgeSpec spec, Interrupt interrupt) {
        try (PictureScorer judge = spec.open(meant());
                Progress progress = new StoppableProgress(console.progress(), interrupt)) {
            if (retrieval.isPresent()) {
                retrieve(console, (ClipJudge) judge, retrieval.get(), progress);
            } else if (models.isEmpty()) {
                scoreReal(console, judge, progress);
            } else {
                scoreModels(console, spec, judge, progress);
            }
        } catch (StoppableProgress.Stopped e) {
            console.stopped(
                    "Stopped; nothing is kept of it, and the same command draws its pictures again."
                            + " 'soup evaluate' keeps them and goes on where it was.");
        }
    }

    private ClipConvention meant() {
        for (Convention c : Convention.values()) {
            if (c.name().replace('_', '.').equalsIgnoreCase(convention)) {
                return c.meant;
            }
        }
        throw misuse("--convention '" + convention + "' is unknown; use raw, x100 or x2.5.");
    }

    private void scoreModels(
            Console console, JudgeSpec spec, PictureScorer judge, Progress progress) {
        List<String> all = new ArrayList<>(prompts);
        all.addAll(given.read());
        if (all.isEmpty() && judge instanceof TifaJudge tifa) {
            all.addAll(tifa.captions());
        }
        if (all.isEmpty()) {
            throw misuse("no prompts; give --prompt, --prompts FILE or --shard SHARD.");
        }
        if (spec.kind() != JudgeSpec.Kind.AESTHETIC && all.stream().anyMatch(String::isBlank)) {
            throw misuse(
                    "--prompt is empty: no picture goes with nothing better than another; say what"
                            + " is drawn, or judge by aesthetic:DIR,HEAD, which reads no text.");
        }
        spec.requireQuestions(all);
        ModelScores scores =
                ModelScores.measure(
                        judge,
                        models,
                        all,
                        sampling.seeds(),
                        sampling.settings(),
                        Bootstrap.seeded(0),
                        progress);
        progress.close();
        Map<String, Object> json = ScoreOutput.json(scores, sampling);
        console.result(json, text -> ScoreOutput.print(scores, text));
        cutNote(console, judge, all);
    }

    private void scoreReal(Console console, PictureScorer judge, Progress progress) {
        if (!prompts.isEmpty() || given.hasFile()) {
            throw misuse("prompts need a model that draws them; give --model DIR.");
        }
        requireShard();
        Shard rows = given.shard().open(false, OptionalInt.empty());
        Function<SampleInfo, String> said = textOf(judge);
        ScoreSet set = PictureScores.ofShard(judge, rows, said, progress);
        progress.close();
        var score = set.summary(Bootstrap.seeded(0));
        console.result(
                ScoreOutput.json(score, rows.size(), given.shard().text()),
                text -> ScoreOutput.print(score, rows.size(), given.shard().text(), text));
        cutNote(console, judge, rows.infos().stream().map(said).toList());
    }

    /** What a real picture is held against; a question file may be about captions or prompts. */
    private static Function<SampleInfo, String> textOf(PictureScorer judge) {
        if (judge instanceof TifaJudge tifa) {
            Set<String> asked = new HashSet<>(tifa.captions());
            return row -> asked.contains(row.caption()) ? row.caption() : row.prompt();
        }
        return SampleInfo::caption;
    }

    private static void cutNote(Console console, PictureScorer judge, List<String> texts) {
        long cut = texts.stream().filter(judge::isCut).count();
        if (cut > 0) {
            console.note(
                    "%d of %s %s cut to the judge's length."
                            .formatted(
                                    cut,
                                    Plural.of(texts.size(), "text"),
                                    cut == 1 ? "was" : "were"));
        }
        if (texts.size() <= FEW_TEXTS) {
            TextReading whole = new TextReading(0, 0, "", List.of());
            PromptNotes.of("text", texts, t -> judge.reading(t).orElse(whole))
                    .forEach(console::note);
        }
    }

    private void retrieve(Console console, ClipJudge judge, int k, Progress progress) {
        requireShard();
        if (!prompts.isEmpty() || given.hasFile()) {
            throw misuse("--retrieval takes its prompts from --shard; leave --prompt out.");
        }
        Shard subjects = given.shard().open(true, OptionalInt.of(RETRIEVAL_SUBJECTS));
        List<SubjectRetrieval> results = new ArrayList<>();
        results.add(SubjectRetrieval.real(judge, subjects, k, progress));
        List<String> hashes = new ArrayList<>(List.of(""));
        for (Path model : models) {
            try (Generator generator = Generator.open(model, sampling.settings())) {
                results.add(
                        SubjectRetrieval.generated(
                                judge,
                                generator,
                                subjects,
                                k,
                                sampling.seeds().getFirst(),
                                progress));
                hashes.add(generator.unetHash());
            }
        }
        progress.close();
        console.result(
                ScoreOutput.json(results, hashes, judge.judge(), given.shard().text(), sampling),
                text -> ScoreOutput.print(results, judge.judge(), text));
    }

    private void reconstruct(Console console) {
        requireShard();
        if (models.size() != 1) {
            throw misuse("--vae takes exactly one --model.");
        }
        Path model = models.getFirst();
        Path folder = Files.isDirectory(model.resolve("vae")) ? model.resolve("vae") : model;
        Shard rows = given.shard().open(false, OptionalInt.empty());
        AutoencoderKL autoencoder = StableDiffusion.vae(folder);
        try (Progress progress = console.progress()) {
            PsnrCheck check = PsnrCheck.measure(autoencoder, rows, progress);
            progress.close();
            String hash = WeightsHash.of(folder.resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
            console.result(
                    ScoreOutput.json(check, hash, given.shard().text()),
                    text -> {
                        text.printf(
                                Locale.ROOT,
                                "%s of %s: mean PSNR %.2f dB, of the mean error %.2f dB,"
                                        + " worst picture %.2f dB%n",
                                Plural.of(check.pictures(), "picture"),
                                given.shard().text(),
                                check.meanPsnr(),
                                check.psnrOfMeanMse(),
                                check.worstPsnr());
                        text.println("autoencoder " + hash);
                    });
        } finally {
            autoencoder.parameters().close();
        }
    }

    private void requireShard() {
        if (!given.shard().isGiven()) {
            throw misuse("missing --shard SHARD: which pictures?");
        }
    }
}
