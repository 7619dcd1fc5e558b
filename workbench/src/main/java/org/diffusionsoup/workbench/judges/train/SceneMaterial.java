package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.diffusionsoup.data.scene.Damage;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.MedConfig;
import org.diffusionsoup.diffusion.blip.VitConfig;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import org.diffusionsoup.workbench.judges.question.SceneQuestions;

/**
 * An endless sequence of scenes of the combinations that training may see, by all providers,
 * undamaged and in every state of damage. Scenes are made as training comes to them, in pools of
 * {@value #POOL} that are used {@value #EPOCHS} times with new captions, questions and damage.
 */
public final class SceneMaterial implements JudgeMaterial {
    private static final int POOL = 4096;
    private static final int EPOCHS = 3;

    /** Scenes whose captions and questions make the vocabulary. */
    private static final int READ = 6000;

    /** Scenes that an aesthetic head is fitted to, each in {@value #STATES} states. */
    private static final int GRADED = 2000;

    private static final int STATES = 5;

    private static final double BEST = 9;
    private static final double RANGE = 8;

    private final JudgeScenes scenes;
    private final int graded;
    private final OptionalInt batch;

    /**
     * @param drawings that scenes are made of; held-out subjects are left out
     * @param batch scenes per step, a power of 2; the recipe's where empty
     */
    public SceneMaterial(Drawings drawings, OptionalInt batch) {
        this(drawings, GRADED, batch);
    }

    /**
     * @param graded scenes that an aesthetic head is fitted to
     */
    SceneMaterial(Drawings drawings, int graded) {
        this(drawings, graded, OptionalInt.empty());
    }

    private SceneMaterial(Drawings drawings, int graded, OptionalInt batch) {
        scenes = new JudgeScenes(drawings);
        this.graded = graded;
        this.batch = batch;
    }

    /**
     * Recipes for 25 to 30 minutes each on one busy core with AVX2 (about 48 scenes/s for the CLIP
     * of 1.4 million weights, 32 for the VQA of 2.0, 30 for the reward of 1.7), less for the head.
     */
    @Override
    public Recipe recipe(JudgeKind kind) {
        return switch (kind) {
            case CLIP ->
                    new Recipe(
                            1300,
                            64,
                            ClipShape.SCENES.learningRate(),
                            ClipShape.SCENES.weightDecay());
            case VQA -> new Recipe(1800, 32, 1e-3, 0.05);
            case REWARD -> new Recipe(1500, 32, 5e-4, 0.05);
            case AESTHETIC -> new Recipe(1500, 256, 1e-3, 0.01);
        };
    }

    @Override
    public void read(int side, Progress progress) {}

    @Override
    public int batch(JudgeKind kind) {
        return batch.orElse(recipe(kind).batch());
    }

    /** Of the drawings. */
    @Override
    public String sha256() {
        return scenes.sha256();
    }

    @Override
    public BaseConfiguration origins(JudgeKind kind) {
        return BaseConfiguration.NONE;
    }

    @Override
    public void describe(JudgeKind kind, ObjectNode recipe) {
        recipe.put("data", "scenes of combinations that are not held out, all providers");
        if (kind == JudgeKind.AESTHETIC) {
            recipe.put("scenes", graded);
        } else {
            recipe.put("pool", POOL);
            recipe.put("pool_epochs", EPOCHS);
        }
        if (kind == JudgeKind.VQA) {
            recipe.put("questions_per_picture", SceneVqaObjective.QUESTIONS);
        }
    }

    @Override
    public ClipShape clipShape() {
        return ClipShape.SCENES;
    }

    @Override
    public VitConfig vit() {
        return BlipShape.sceneVit();
    }

    @Override
    public MedConfig med(int vocabulary) {
        return BlipShape.sceneMed(vocabulary);
    }

    @Override
    public List<String> captions() {
        List<String> out = new ArrayList<>();
        for (int i = 0; i < READ; i++) {
            out.add(JudgeScenes.say(scenes.knownTruth(0, i), i));
        }
        return out;
    }

    @Override
    public List<String> words() {
        List<String> out = new ArrayList<>(captions());
        for (int i = 0; i < READ; i++) {
            SceneTruth truth = scenes.knownTruth(0, i);
            out.addAll(QuestionMaker.texts(SceneQuestions.about("", "", truth, i)));
        }
        return out;
    }

    private RowPools<JudgeScenes.Row> pools(Run run) {
        return RowPools.forRun(
                i -> scenes.known(run.seed(), i), run.steps() * run.batch(), POOL, EPOCHS);
    }

    @Override
    public Objective clip(ClipModel clip, ClipTokenizer tokenizer, Run run) {
        return new SceneClipObjective(clip, tokenizer, pools(run), run.batch());
    }

    @Override
    public Objective vqa(BlipVqa vqa, WordPieceTokenizer tokenizer, Run run) {
        return new SceneVqaObjective(vqa, tokenizer, pools(run), run.batch());
    }

    @Override
    public Objective reward(
            ImageReward reward, WordPieceTokenizer tokenizer, Run run, Progress progress) {
        return new SceneRewardObjective(reward, tokenizer, scenes, pools(run), run.batch());
    }

    /**
     * Targets are grades, not taste: 9 for an undamaged picture, down to 1 for the strongest
     * damage. Of each scene there are the picture itself, two damages of a known strength, and two
     * grades, which count as their usual strength.
     */
    @Override
    public Graded graded(ClipJudge clip, long seed, Progress progress) {
        List<double[]> embeddings = new ArrayList<>();
        List<Float> targets = new ArrayList<>();
        progress.start("embed pictures", (long) graded * STATES, "images");
        for (int i = 0; i < graded; i++) {
            JudgeScenes.Row row = scenes.known(seed, i);
            RandomGenerator random = new SplittableRandom(Rng.mix(seed, i));
            List<Picture> pictures = new ArrayList<>();
            add(row.image(), BEST, pictures, targets);
            for (int k = 0; k < 2; k++) {
                Damage damage = Damage.values()[random.nextInt(Damage.values().length)];
                float strength = random.nextFloat();
                RgbImage image = damage.of(row.image(), strength, random.nextLong());
                add(image, target(strength), pictures, targets);
            }
            for (Tier grade : List.of(pick(random), pick(random))) {
                RgbImage image = scenes.tier(row, grade, random.nextLong());
                boolean untouched = image.equals(row.image());
                add(image, untouched ? BEST : target(strength(grade)), pictures, targets);
            }
            embeddings.addAll(List.of(clip.embedPictures(pictures)));
            progress.advance(STATES);
        }
        return new Graded(embeddings, targets);
    }

    private static Tier pick(RandomGenerator random) {
        return Tier.values()[random.nextInt(Tier.AE5.ordinal())];
    }

    private static void add(
            RgbImage image, double target, List<Picture> pictures, List<Float> targets) {
        pictures.add(PictureScores.picture(image));
        targets.add((float) target);
    }

    /** Even damage of strength 0 is there, if hardly visible. */
    private static double target(double strength) {
        return BEST - RANGE * (0.1 + 0.9 * strength);
    }

    /** The middle of a tier's strengths; two or three damages at once are a little worse. */
    private static double strength(Tier tier) {
        return switch (tier) {
            case WEB -> 0.8;
            case AE1 -> 0.9;
            case AE2 -> 0.65;
            case AE3 -> 0.375;
            case AE4 -> 0.2;
            case AE5, CURATED -> 0;
        };
    }
}
