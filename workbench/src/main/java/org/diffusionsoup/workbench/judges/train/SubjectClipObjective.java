package org.diffusionsoup.workbench.judges.train;

import java.util.List;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.workbench.judges.question.TrainingRows;

/**
 * CLIP's symmetric contrastive loss (Radford et al. 2021) over subjects. A row is a subject; each
 * time one of its pictures is drawn, changed a little, and said in other words. Half of the batches
 * hold one provider's pictures only, so that telling them apart takes the subject and not the
 * style. A little of each target goes to the batch's other subjects of the same subgroup: a wrong
 * cat is a smaller mistake than a car.
 */
final class SubjectClipObjective implements Objective {
    private static final float SHARED = 0.15f;

    private final ClipModel clip;
    private final ClipTokenizer tokenizer;
    private final TrainingRows rows;
    private final Augmenter augmenter;
    private final List<String> providers;

    SubjectClipObjective(
            ClipModel clip, ClipTokenizer tokenizer, TrainingRows rows, double strength) {
        this.clip = clip;
        this.tokenizer = tokenizer;
        this.rows = rows;
        this.augmenter = new Augmenter(clip.config().vision().imageSize(), strength, strength);
        this.providers =
                rows.rows().stream().map(r -> r.info().provider()).distinct().sorted().toList();
    }

    @Override
    public int rows() {
        return rows.subjects().size();
    }

    @Override
    public Tensor loss(int[] batch, Rng rng, RandomGenerator random) {
        int n = batch.length;
        int side = augmenter.side();
        String only = random.nextBoolean() ? providers.get(random.nextInt(providers.size())) : "";
        float[] pixels = new float[n * 3 * side * side];
        String[] texts = new String[n];
        String[] kinds = new String[n];
        for (int i = 0; i < n; i++) {
            TrainingRows.Row row = pick(rows.subjects().get(batch[i]), only, random);
            augmenter.into(pixels, i * 3 * side * side, row.small(), random);
            texts[i] = JudgeTexts.draw(row, random);
            kinds[i] = JudgeTexts.kind(row.info());
        }
        Tensor x = Tensor.of(pixels, n, 3, side, side);
        Tensor image = ClipModel.normalise(clip.imageFeatures(x).toFloat());
        Tensor text = ClipModel.normalise(clip.textFeatures(ids(tokenizer, texts, clip)).toFloat());
        Tensor logits = image.matmul(text.transpose(0, 1)).toFloat().mul(clip.scale().clamp(1, 50));
        Tensor targets = targets(kinds);
        return crossEntropy(logits, targets)
                .add(crossEntropy(logits.transpose(0, 1), targets))
                .mul(0.5);
    }

    private static TrainingRows.Row pick(
            List<TrainingRows.Row> subject, String only, RandomGenerator random) {
        for (TrainingRows.Row row : subject) {
            if (row.info().provider().equals(only)) {
                return row;
            }
        }
        return subject.get(random.nextInt(subject.size()));
    }

    /** Token ids padded to the longest text only: what follows the end token is never read. */
    static Tensor ids(ClipTokenizer tokenizer, String[] texts, ClipModel clip) {
        int most = clip.config().text().maxPositions();
        int longest = 2;
        for (String t : texts) {
            longest = Math.max(longest, Math.min(most, tokenizer.encodeUnpadded(t).length));
        }
        int[][] ids = new int[texts.length][];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokenizer.encode(texts[i], longest);
        }
        return Tensor.ofRows(ids);
    }

    /** Rows that sum to 1: (N, N), symmetric only where subgroups have equally many members. */
    static Tensor targets(String[] kinds) {
        int n = kinds.length;
        float[] t = new float[n * n];
        for (int i = 0; i < n; i++) {
            int same = 0;
            for (int j = 0; j < n; j++) {
                same += j != i && alike(kinds[i], kinds[j]) ? 1 : 0;
            }
            for (int j = 0; j < n; j++) {
                if (j == i) {
                    t[i * n + j] = same == 0 ? 1 : 1 - SHARED;
                } else if (alike(kinds[i], kinds[j])) {
                    t[i * n + j] = SHARED / same;
                }
            }
        }
        return Tensor.of(t, n, n);
    }

    private static boolean alike(String a, String b) {
        return !a.isEmpty() && a.equals(b);
    }

    private static Tensor crossEntropy(Tensor logits, Tensor targets) {
        return Functional.logSoftmax(logits, 1).mul(targets).sum().mul(-1.0 / logits.size(0));
    }
}
