package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.MedConfig;
import org.diffusionsoup.diffusion.blip.VitConfig;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.question.JudgeKind;

/** What judges learn from, and the shapes and recipes that suit it. */
public sealed interface JudgeMaterial permits ShardMaterial, SceneMaterial {
    /**
     * How a judge is trained.
     *
     * @param steps of the optimizer
     * @param batch examples per step
     * @param learningRate peak of a cosine
     * @param weightDecay of AdamW
     */
    record Recipe(long steps, int batch, double learningRate, double weightDecay) {}

    /**
     * Embeddings with the score that a head should give them.
     *
     * @param embeddings unit vectors
     * @param targets one of each, 1 to 9
     */
    record Graded(List<double[]> embeddings, List<Float> targets) {}

    /**
     * What is decided once for a training.
     *
     * @param steps of the whole run
     * @param batch examples per step
     * @param seed of everything random
     */
    record Run(long steps, int batch, long seed) {}

    /** How a judge is trained on this, where nothing else is asked for. */
    Recipe recipe(JudgeKind kind);

    /** Most examples per step that this has rows for, at most the recipe's, and at least 1. */
    int batch(JudgeKind kind);

    /** Identity of the pictures. */
    String sha256();

    /** Adds what else decides the result to a header's recipe. */
    void describe(JudgeKind kind, ObjectNode recipe);

    /**
     * What else decides it and is not in the recipe: a model that pictures are drawn with. A
     * checkpoint of another one is refused.
     */
    BaseConfiguration origins(JudgeKind kind);

    /** Shape of a CLIP. */
    ClipShape clipShape();

    /** Shape of BLIP's image encoder. */
    VitConfig vit();

    /** Shape of BLIP's text models. */
    MedConfig med(int vocabulary);

    /**
     * Reads what there is to read; comes before everything below.
     *
     * @param side height and width of the pictures that the judge looks at
     */
    void read(int side, Progress progress);

    /** Texts that a CLIP's tokenizer must know. */
    List<String> captions();

    /** Texts that BLIP's tokenizer must know: questions, answers, and captions for the reward. */
    List<String> words();

    /** A CLIP's loss. */
    Objective clip(ClipModel clip, ClipTokenizer tokenizer, Run run);

    /** The loss of a BLIP that answers questions. */
    Objective vqa(BlipVqa vqa, WordPieceTokenizer tokenizer, Run run);

    /** An ImageReward's loss. */
    Objective reward(ImageReward reward, WordPieceTokenizer tokenizer, Run run, Progress progress);

    /** What an aesthetic head is fitted to. */
    Graded graded(ClipJudge clip, long seed, Progress progress);
}
