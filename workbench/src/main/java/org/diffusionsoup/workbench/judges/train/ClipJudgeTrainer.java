package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipVisionConfig;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.text.BpeTrainer;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.judges.question.JudgeKind;

/** Trains the CLIP that judges: apart from the one whose text tower conditions the denoiser. */
public final class ClipJudgeTrainer {
    private static final int MERGES = 1500;
    private static final List<String> TOKENIZER =
            List.of(
                    "vocab.json",
                    "merges.txt",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    "tokenizer.json");

    private final JudgeMaterial material;
    private final Optional<Path> from;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param from a CLIP to go on with, whose shape and tokenizer stay; one from nothing without
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps, and between pictures that are read
     */
    public ClipJudgeTrainer(
            JudgeMaterial material,
            Optional<Path> from,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        this.material = material;
        this.from = from;
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Trains, or goes on training.
     *
     * @param out gets the CLIP in transformers' layout when finished; replaced when it exists
     * @return false when stopped before the end
     */
    public boolean run(long steps, long seed, Path out) {
        return new StoppableProgress(progress, stop)
                .unlessStopped(reading -> run(steps, seed, out, reading), false);
    }

    private boolean run(long steps, long seed, Path out, Progress reading) {
        ClipShape shape = material.clipShape();
        Optional<ClipModel.Config> given =
                from.map(f -> ClipModel.Config.of(JsonConfig.read(f.resolve("config.json"))));
        int side = given.map(c -> c.vision().imageSize()).orElse(shape.imageSize());
        TrainingOptions options = JudgeFit.options(material, JudgeKind.CLIP, steps, seed);
        ObjectNode recipe = JudgeFit.recipe(material, JudgeKind.CLIP, options);
        if (from.isPresent()) {
            recipe.put("from_sha256", WeightsHash.of(from.get().resolve(BlipShape.WEIGHTS)));
        } else {
            recipe.put("shape", shape.toString());
            recipe.put("merges", MERGES);
        }
        JudgeFit fit =
                new JudgeFit(
                        work,
                        out,
                        progress,
                        stop,
                        from.map(BaseConfiguration::ofFolder).orElse(BaseConfiguration.NONE));
        fit.requireOwn(JudgeKind.CLIP, recipe);
        material.read(side, reading);
        Path tokens = work.resolve("tokenizer");
        AtomicFiles.replaceFolder(
                tokens,
                OutputKind.unlisted(
                        "a tokenizer", f -> Files.isRegularFile(f.resolve("vocab.json"))),
                folder -> tokenizer(folder, shape));
        ClipTokenizer tokenizer = ClipTokenizer.load(tokens);
        ClipModel clip = new ClipModel(given.orElseGet(() -> config(shape, tokenizer.vocabSize())));
        try {
            if (from.isPresent()) {
                Weights.load(clip.parameters(), from.get().resolve(BlipShape.WEIGHTS));
            } else {
                clip.parameters().initialise(seed);
            }
            Objective objective =
                    material.clip(
                            clip, tokenizer, new JudgeMaterial.Run(steps, options.batch(), seed));
            return fit.train(
                    JudgeKind.CLIP,
                    clip.parameters(),
                    objective,
                    options,
                    recipe,
                    folder -> {
                        JudgeFit.saveWeights(
                                folder.resolve(BlipShape.WEIGHTS), clip.parameters(), recipe);
                        Files.writeString(
                                folder.resolve("config.json"),
                                JsonConfig.text(clip.config().toJson()));
                        Files.writeString(
                                folder.resolve("preprocessor_config.json"),
                                JsonConfig.text(JudgeFit.preprocessor(side)));
                        copy(tokens, folder);
                    });
        } finally {
            clip.parameters().close();
        }
    }

    private void tokenizer(Path folder, ClipShape shape) throws IOException {
        if (from.isPresent()) {
            copy(from.get(), folder);
        } else {
            BpeTrainer.train(material.captions(), MERGES).write(folder, shape.tokens());
        }
    }

    /** Copies the tokenizer's files. */
    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.list(from)) {
            for (Path f : files.sorted().toList()) {
                if (TOKENIZER.contains(String.valueOf(f.getFileName()))) {
                    Files.copy(f, to.resolve(f.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    private static ClipModel.Config config(ClipShape shape, int vocabulary) {
        ClipTextConfig text =
                new ClipTextConfig(
                        vocabulary,
                        shape.textWidth(),
                        4 * shape.textWidth(),
                        shape.textLayers(),
                        shape.textWidth() / ClipShape.HEAD,
                        shape.tokens(),
                        Activation.GELU,
                        1e-5,
                        2,
                        shape.projection());
        ClipVisionConfig vision =
                new ClipVisionConfig(
                        shape.imageSize(),
                        shape.patch(),
                        shape.width(),
                        4 * shape.width(),
                        shape.layers(),
                        shape.width() / ClipShape.HEAD,
                        Activation.GELU,
                        1e-5);
        return new ClipModel.Config(text, vision, shape.projection(), 2.6592);
    }
}
