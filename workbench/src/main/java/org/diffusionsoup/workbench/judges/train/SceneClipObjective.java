package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.diffusionsoup.data.scene.Alterations;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;

/**
 * CLIP's symmetric contrastive loss (Radford et al. 2021) over scenes, with hard negatives on both
 * sides. A picture has to find its caption among those of the batch and {@value #NEGATIVES} of its
 * own that are wrong in one attribute, put in the same words. A caption has to find its picture
 * among those of the batch and damaged twins of a quarter of them, its own one included: so a judge
 * knows damage when it sees it, while a damaged picture still has to find its caption.
 */
final class SceneClipObjective extends SceneObjective {
    private static final int NEGATIVES = 3;
    private static final int TWIN_EVERY = 4;

    /** Share of the pictures without twin that are damaged, too. */
    private static final double DAMAGED = 0.3;

    private final ClipModel clip;
    private final ClipTokenizer tokenizer;
    private final Augmenter asItIs;

    SceneClipObjective(
            ClipModel clip, ClipTokenizer tokenizer, RowPools<JudgeScenes.Row> pools, int batch) {
        super(pools, batch);
        this.clip = clip;
        this.tokenizer = tokenizer;
        this.asItIs = new Augmenter(clip.config().vision().imageSize(), 0, 0);
    }

    @Override
    Tensor loss(List<JudgeScenes.Row> rows, RandomGenerator random) {
        int n = rows.size();
        int twins = n / TWIN_EVERY;
        List<Example> examples = each(rows, random, SceneClipObjective::example);
        List<RgbImage> pictures = new ArrayList<>();
        List<RgbImage> damaged = new ArrayList<>();
        String[] texts = new String[n * (1 + NEGATIVES)];
        for (int i = 0; i < n; i++) {
            Example e = examples.get(i);
            pictures.add(i < twins ? rows.get(i).image() : e.image());
            if (i < twins) {
                damaged.add(e.twin());
            }
            texts[i] = e.texts().getFirst();
            for (int k = 0; k < NEGATIVES; k++) {
                texts[n + i * NEGATIVES + k] = e.texts().get(1 + k);
            }
        }
        pictures.addAll(damaged);
        Tensor image = ClipModel.normalise(clip.imageFeatures(pixels(pictures, random)).toFloat());
        Tensor text =
                ClipModel.normalise(
                        clip.textFeatures(SubjectClipObjective.ids(tokenizer, texts, clip))
                                .toFloat());
        return loss(image, text, n, twins, clip.scale().clamp(1, 100));
    }

    /**
     * What a scene gives to a batch.
     *
     * @param image the picture, damaged at times
     * @param twin the picture, damaged
     * @param texts the right caption, then the wrong ones
     */
    private record Example(RgbImage image, RgbImage twin, List<String> texts) {}

    private static Example example(JudgeScenes.Row row, RandomGenerator random) {
        boolean spoilt = random.nextDouble() < DAMAGED;
        RgbImage image = spoilt ? JudgeScenes.damaged(row.image(), 0, 0.8, random) : row.image();
        RgbImage twin = JudgeScenes.damaged(row.image(), 0.1, 1, random);
        long wording = random.nextLong();
        List<String> texts = new ArrayList<>();
        texts.add(JudgeScenes.say(row.truth(), wording));
        List<Alterations.Altered> wrong = Alterations.known(row.truth());
        for (int k = 0; k < NEGATIVES; k++) {
            texts.add(JudgeScenes.say(JudgeScenes.altered(wrong, random), wording));
        }
        return new Example(image, twin, List.copyOf(texts));
    }

    /**
     * The loss of unit embeddings.
     *
     * @param image (n + twins, width); picture n + i is the damaged twin of picture i
     * @param text (n (1 + negatives), width): the right captions, then every picture's wrong ones
     * @param scale inverse temperature, a scalar
     */
    static Tensor loss(Tensor image, Tensor text, int n, int twins, Tensor scale) {
        long width = image.size(1);
        long negatives = text.size(0) / n - 1;
        long[] own = IntStream.range(0, n + twins).mapToLong(i -> i < n ? i : i - n).toArray();
        Tensor wanted = Tensor.of(own);
        Tensor right = text.narrow(0, 0, n);
        Tensor all = image.matmul(right.transpose(0, 1)).toFloat().mul(scale);
        Tensor wrong =
                text.narrow(0, n, n * negatives)
                        .reshape(n, negatives, width)
                        .indexSelect(0, wanted)
                        .mul(image.unsqueeze(1))
                        .sum(false, 2)
                        .mul(scale);
        Tensor byPicture = Functional.crossEntropy(Tensor.cat(List.of(all, wrong), 1), wanted);
        Tensor byText =
                Functional.crossEntropy(all.transpose(0, 1), Tensor.of(Arrays.copyOf(own, n)));
        return byPicture.add(byText).mul(0.5);
    }

    private Tensor pixels(List<RgbImage> pictures, RandomGenerator random) {
        int side = asItIs.side();
        float[] values = new float[pictures.size() * 3 * side * side];
        for (int i = 0; i < pictures.size(); i++) {
            asItIs.into(values, i * 3 * side * side, pictures.get(i).resized(side, side), random);
        }
        return Tensor.of(values, pictures.size(), 3, side, side);
    }
}
