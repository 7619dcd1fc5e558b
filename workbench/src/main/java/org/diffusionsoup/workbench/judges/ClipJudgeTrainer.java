package org.diffusionsoup.workbench.judges;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipVisionConfig;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.text.BpeTrainer;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;

/** Trains the CLIP that judges: apart from the one whose text tower conditions the denoiser. */
public final class ClipJudgeTrainer {
    private static final int MERGES = 1500;
    private static final int BATCH = 128;

    private final ClipShape shape;
    private final Shard train;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param data its held-out rows are never read
     * @param validation keeps a tenth of the training subjects back, to choose settings by
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps
     */
    public ClipJudgeTrainer(
            ClipShape shape,
            Shard data,
            boolean validation,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        this.shape = shape;
        this.train = validation ? data.train().filter(i -> !isValidation(i)) : data.train();
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /** Whether a training row belongs to the tenth of the subjects that settings are chosen by. */
    public static boolean isValidation(SampleInfo info) {
        String text = "judge-validation:" + TrainingRows.subject(info);
        String hash = Hashes.sha256Hex(text.getBytes(StandardCharsets.UTF_8));
        return Long.parseLong(hash.substring(0, 8), 16) % 10 == 0;
    }

    /**
     * Trains, or goes on training.
     *
     * @param out gets the CLIP in transformers' layout when finished; replaced when it exists
     * @return false when stopped before the end
     */
    public boolean run(long steps, long seed, Path out) {
        progress.start("read pictures", train.size(), "images");
        TrainingRows rows = new TrainingRows(train, shape.imageSize());
        progress.advance(train.size());
        Path tokens = work.resolve("tokenizer");
        List<String> texts = new ArrayList<>();
        rows.rows().forEach(r -> texts.addAll(JudgeTexts.all(r)));
        AtomicFiles.replaceFolder(
                tokens,
                OutputKind.folderWith("a tokenizer", "vocab.json"),
                folder -> BpeTrainer.train(texts, MERGES).write(folder, ClipShape.TOKENS));
        ClipTokenizer tokenizer = ClipTokenizer.load(tokens);
        ClipModel clip = new ClipModel(config(tokenizer.vocabSize()));
        try {
            clip.parameters().initialise(seed);
            int batch = Math.min(BATCH, rows.subjects().size());
            TrainingOptions options =
                    JudgeFit.options(
                            steps, batch, shape.learningRate(), shape.weightDecay(), 0.99, seed);
            ObjectNode recipe = JudgeFit.recipe("clip", train.sha256(), options);
            recipe.put("shape", shape.toString());
            recipe.put("merges", MERGES);
            var objective = new SubjectClipObjective(clip, tokenizer, rows, shape.strength());
            JudgeFit fit = new JudgeFit(work, progress, stop);
            if (!fit.train("clip", clip.parameters(), objective, options, recipe.toString())) {
                return false;
            }
            AtomicFiles.replaceFolder(
                    out,
                    OutputKind.WEIGHTS_FOLDER,
                    folder -> {
                        JudgeFit.saveWeights(
                                folder.resolve(BlipShape.WEIGHTS), clip.parameters(), recipe);
                        Files.writeString(
                                folder.resolve("config.json"),
                                JsonConfig.text(clip.config().toJson()));
                        Files.writeString(
                                folder.resolve("preprocessor_config.json"),
                                JsonConfig.text(JudgeFit.preprocessor(shape.imageSize())));
                        try (Stream<Path> files = Files.list(tokens)) {
                            for (Path f : files.sorted().toList()) {
                                Files.copy(
                                        f,
                                        folder.resolve(f.getFileName()),
                                        StandardCopyOption.REPLACE_EXISTING);
                            }
                        }
                    });
            return true;
        } finally {
            clip.parameters().close();
        }
    }

    private ClipModel.Config config(int vocabulary) {
        ClipTextConfig text =
                new ClipTextConfig(
                        vocabulary,
                        shape.textWidth(),
                        4 * shape.textWidth(),
                        shape.textLayers(),
                        shape.textWidth() / ClipShape.HEAD,
                        ClipShape.TOKENS,
                        Activation.GELU,
                        1e-5,
                        2,
                        ClipShape.PROJECTION);
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
        return new ClipModel.Config(text, vision, ClipShape.PROJECTION, 2.6592);
    }
}
