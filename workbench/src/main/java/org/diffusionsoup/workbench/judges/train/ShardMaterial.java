package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.MedConfig;
import org.diffusionsoup.diffusion.blip.VitConfig;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.Category;
import org.diffusionsoup.workbench.judges.question.Colour;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.judges.question.JudgeQuestion;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.jspecify.annotations.Nullable;

/** The training rows of a shard: captioned pictures of one thing each, by one or more providers. */
public final class ShardMaterial implements JudgeMaterial {
    /** Every how manieth picture is also drawn partly denoised. */
    private static final int PARTIAL_EVERY = 8;

    /** Every how manieth picture an aesthetic head sees whole, with noise and with blur. */
    private static final int GRADED_EVERY = 3;

    private static final double BEST = 9;
    private static final double RANGE = 8;

    private final Shard train;
    private final Path base;
    private @Nullable TrainingRows rows;

    /**
     * @param data its held-out rows are never read
     * @param validation keeps a tenth of the training subjects back, to choose settings by
     * @param base folder of the model whose incomplete drawings serve as worse pictures
     */
    public ShardMaterial(Shard data, boolean validation, Path base) {
        this.train = validation ? data.train().filter(i -> !isValidation(i)) : data.train();
        this.base = base;
    }

    /** Whether a training row belongs to the tenth of the subjects that settings are chosen by. */
    private static boolean isValidation(SampleInfo info) {
        String text = "judge-validation:" + TrainingRows.subject(info);
        String hash = Hashes.sha256Hex(text.getBytes(StandardCharsets.UTF_8));
        return Long.parseLong(hash.substring(0, 8), 16) % 10 == 0;
    }

    /** The recipes of the embedded judges of emoji. */
    @Override
    public Recipe recipe(JudgeKind kind) {
        return switch (kind) {
            case CLIP ->
                    new Recipe(
                            800,
                            128,
                            ClipShape.EMBEDDED.learningRate(),
                            ClipShape.EMBEDDED.weightDecay());
            case VQA -> new Recipe(1500, 32, 1.5e-3, 0.05);
            case REWARD -> new Recipe(1000, 32, 1e-3, 0.05);
            case AESTHETIC -> new Recipe(600, 256, 1e-3, 0.01);
        };
    }

    @Override
    public void read(int side, Progress progress) {
        progress.start("read pictures", train.size(), "images");
        rows = new TrainingRows(train, side, progress);
    }

    private TrainingRows rows() {
        if (rows == null) {
            throw new IllegalStateException("read comes first");
        }
        return rows;
    }

    @Override
    public int batch(JudgeKind kind) {
        long examples =
                kind == JudgeKind.CLIP
                        ? train.infos().stream().map(TrainingRows::subject).distinct().count()
                        : train.size();
        return kind == JudgeKind.AESTHETIC
                ? recipe(kind).batch()
                : (int) Math.clamp(examples, 1, recipe(kind).batch());
    }

    @Override
    public String sha256() {
        return train.sha256();
    }

    @Override
    public BaseConfiguration origins(JudgeKind kind) {
        if (kind != JudgeKind.REWARD) {
            return BaseConfiguration.NONE; // no other one looks at incomplete drawings
        }
        BaseConfiguration all = BaseConfiguration.ofModel(base);
        for (String part : new String[] {"unet", "vae"}) {
            Path weights = base.resolve(part).resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
            all = all.with(part + "'s weights", WeightsHash.of(weights));
        }
        Path text = base.resolve("text_encoder").resolve(StableDiffusion.TRANSFORMERS_WEIGHTS);
        return all.with("text_encoder's weights", WeightsHash.of(text));
    }

    @Override
    public void describe(JudgeKind kind, ObjectNode recipe) {
        if (kind == JudgeKind.VQA) {
            recipe.put("questions_per_picture", VqaObjective.QUESTIONS);
        } else if (kind == JudgeKind.REWARD) {
            recipe.put("partial_every", PARTIAL_EVERY);
        }
    }

    @Override
    public ClipShape clipShape() {
        return ClipShape.EMBEDDED;
    }

    @Override
    public VitConfig vit() {
        return BlipShape.vit();
    }

    @Override
    public MedConfig med(int vocabulary) {
        return BlipShape.med(vocabulary);
    }

    @Override
    public List<String> captions() {
        List<String> texts = new ArrayList<>();
        rows().rows().forEach(r -> texts.addAll(JudgeTexts.all(r)));
        return texts;
    }

    @Override
    public List<String> words() {
        QuestionMaker maker =
                new QuestionMaker(rows().rows().stream().map(TrainingRows.Row::info).toList());
        List<String> out = new ArrayList<>();
        for (Category c : Category.values()) {
            out.addAll(List.of(c.phrase(), c.word()));
        }
        for (Colour c : Colour.values()) {
            out.addAll(List.of(c.word(), c.word()));
        }
        for (TrainingRows.Row row : rows().rows()) {
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

    @Override
    public Objective clip(ClipModel clip, ClipTokenizer tokenizer, Run run) {
        return new SubjectClipObjective(clip, tokenizer, rows(), ClipShape.EMBEDDED.strength());
    }

    @Override
    public Objective vqa(BlipVqa vqa, WordPieceTokenizer tokenizer, Run run) {
        return new VqaObjective(vqa, tokenizer, rows());
    }

    @Override
    public Objective reward(
            ImageReward reward, WordPieceTokenizer tokenizer, Run run, Progress progress) {
        return new RewardObjective(reward, tokenizer, rows(), pairs(progress));
    }

    private PreferencePairs pairs(Progress progress) {
        PreferencePairs pairs = new PreferencePairs(rows());
        try (PartialDenoiser denoiser = new PartialDenoiser(StableDiffusion.load(base))) {
            progress.start(
                    "draw incomplete pictures",
                    (rows().rows().size() + PARTIAL_EVERY - 1) / PARTIAL_EVERY,
                    "images");
            pairs.addPartial(denoiser, PARTIAL_EVERY, progress::advance);
        }
        return pairs;
    }

    /**
     * Nobody rated emoji for us, so these targets are not taste: 9 for a real picture, down to 1
     * for the worst damage by noise, blur or a drawing left incomplete, the same for every
     * provider.
     */
    @Override
    public Graded graded(ClipJudge clip, long seed, Progress progress) {
        PreferencePairs pairs = pairs(progress);
        List<double[]> embeddings = new ArrayList<>();
        List<Float> targets = new ArrayList<>();
        List<TrainingRows.Row> all = rows().rows();
        progress.start("embed pictures", all.size(), "images");
        for (int i = 0; i < all.size(); i++) {
            TrainingRows.Row row = all.get(i);
            RandomGenerator random = new SplittableRandom(Rng.mix(seed, i));
            List<Picture> pictures = new ArrayList<>();
            if (i % GRADED_EVERY == 0) {
                add(row.image(), 0, pictures, targets);
                for (Degradation d : List.of(Degradation.NOISE, Degradation.BLUR)) {
                    double level = random.nextDouble();
                    add(d.apply(row.image(), level, random), level, pictures, targets);
                }
            }
            if (pairs.has(row, Degradation.PARTIAL_DENOISING)) {
                PreferencePair pair = pairs.of(row, Degradation.PARTIAL_DENOISING);
                add(pair.worse(), pair.level(), pictures, targets);
            }
            embeddings.addAll(List.of(clip.embedPictures(pictures)));
            progress.advance(1);
        }
        return new Graded(embeddings, targets);
    }

    private static void add(
            RgbImage image, double level, List<Picture> pictures, List<Float> targets) {
        pictures.add(PictureScores.picture(image));
        targets.add((float) (BEST - RANGE * level));
    }
}
