package org.diffusionsoup.workbench.curate;

import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.ShardParts;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.curate.TopK;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;

/**
 * The K pictures closest to a category's text by CLIP (paper, Section 6.1: the top 10,000 of each
 * category). Two passes over the data; memory for K rows and a bit per row.
 *
 * @param rows that were looked at
 * @param best the rows taken, closest first
 * @param heldOut how many of these are kept from training, so that no model learns from them
 */
public record Retrieval(int rows, List<TopK.Ranked> best, int heldOut) {
    public Retrieval {
        best = List.copyOf(best);
    }

    /**
     * Ranks and writes a shard of the best, in the order of the source.
     *
     * @param prompts one or more, none of them blank; a picture counts by the prompt it is closest
     *     to
     * @param k how many, at least 1; all where there are fewer
     * @param out the tar to write
     */
    public static Retrieval run(
            ClipJudge judge,
            ShardScan scan,
            List<String> prompts,
            int k,
            Path out,
            Progress progress) {
        if (prompts.isEmpty()) {
            throw new SoupException("Retrieval needs a `prompt`.");
        }
        if (prompts.stream().anyMatch(String::isBlank)) {
            throw new SoupException(
                    "`prompt` is empty, and no picture is closer to nothing than another; name the category in words.");
        }
        double[][] texts = judge.embedTexts(prompts);
        TopK top = new TopK(k);
        BitSet kept = new BitSet();
        int rows =
                RowBatches.forEach(
                        scan,
                        "rank " + scan.name(),
                        progress,
                        batch -> {
                            double[][] pictures = judge.embedPictures(batch.pictures());
                            for (int i = 0; i < pictures.length; i++) {
                                if (!batch.rows().get(i).info().isTrain()) {
                                    kept.set(batch.firstRow() + i);
                                }
                                top.offer(
                                        batch.firstRow() + i,
                                        batch.rows().get(i).key(),
                                        closest(pictures[i], texts));
                            }
                        });
        BitSet taken = new BitSet();
        top.best().forEach(r -> taken.set(r.row()));
        ShardParts.write(
                scan,
                List.of(out),
                row -> taken.get(row) ? 0 : ShardParts.LEFT_OUT,
                new StageProgress(progress));
        kept.and(taken);
        return new Retrieval(rows, top.best(), kept.cardinality());
    }

    private static double closest(double[] picture, double[][] texts) {
        double best = Double.NEGATIVE_INFINITY;
        for (double[] text : texts) {
            double cosine = 0;
            for (int i = 0; i < text.length; i++) {
                cosine += picture[i] * text[i];
            }
            best = Math.max(best, cosine);
        }
        return best;
    }
}
