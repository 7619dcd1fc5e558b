package org.diffusionsoup.workbench.judges;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;

/** Trains a small BLIP that answers {@link QuestionMaker}'s questions. */
public final class VqaTrainer {
    private static final int BATCH = 32;

    private final Shard train;
    private final Path work;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param data its held-out rows are never read
     * @param work folder of checkpoints; the same call goes on from there
     * @param stop polled between steps
     */
    public VqaTrainer(Shard data, Path work, Progress progress, BooleanSupplier stop) {
        this.train = data.train();
        this.work = work;
        this.progress = progress;
        this.stop = stop;
    }

    /**
     * Trains, or goes on training.
     *
     * @param out gets the model as {@link BlipVqa#load} reads it when finished; replaced when it
     *     exists
     * @return false when stopped before the end
     */
    public boolean run(long steps, long seed, Path out) {
        progress.start("read pictures", train.size(), "images");
        TrainingRows rows = new TrainingRows(train, BlipShape.vit().imageSize());
        progress.advance(train.size());
        List<String> vocabulary = WordPieces.of(texts(rows));
        WordPieceTokenizer tokenizer = WordPieceTokenizer.of(vocabulary, "the training rows");
        BlipVqa vqa = new BlipVqa(BlipShape.vit(), BlipShape.med(tokenizer.size()));
        try {
            vqa.parameters().initialise(seed);
            int batch = Math.min(BATCH, rows.rows().size());
            TrainingOptions options = JudgeFit.options(steps, batch, 1.5e-3, 0.05, 0.99, seed);
            ObjectNode recipe = JudgeFit.recipe("vqa", train.sha256(), options);
            recipe.put("questions_per_picture", VqaObjective.QUESTIONS);
            VqaObjective objective = new VqaObjective(vqa, tokenizer, rows);
            JudgeFit fit = new JudgeFit(work, progress, stop);
            if (!fit.train("vqa", vqa.parameters(), objective, options, recipe.toString())) {
                return false;
            }
            AtomicFiles.replaceFolder(
                    out,
                    OutputKind.WEIGHTS_FOLDER,
                    folder ->
                            BlipShape.save(
                                    folder,
                                    vqa.parameters(),
                                    vqa.vit(),
                                    vqa.med(),
                                    vocabulary,
                                    recipe));
            return true;
        } finally {
            vqa.parameters().close();
        }
    }

    /** All texts that the training rows give rise to, captions for the reward model included. */
    private static List<String> texts(TrainingRows rows) {
        QuestionMaker maker =
                new QuestionMaker(rows.rows().stream().map(TrainingRows.Row::info).toList());
        List<String> out = new ArrayList<>();
        for (Category c : Category.values()) {
            out.addAll(List.of(c.phrase(), c.word()));
        }
        for (Colour c : Colour.values()) {
            out.addAll(List.of(c.word(), c.word()));
        }
        for (TrainingRows.Row row : rows.rows()) {
            List<JudgeQuestion> about = maker.about(row.info(), row.colours(), new Random(0));
            if (about.isEmpty()) {
                throw new SoupException(
                        "there is nothing to ask about row %s: it has no name, group or colours;"
                                        .formatted(row.info().key())
                                + " leave such rows out of the shard.");
            }
            out.addAll(QuestionMaker.texts(about));
            out.add(row.info().caption());
        }
        return out;
    }
}
