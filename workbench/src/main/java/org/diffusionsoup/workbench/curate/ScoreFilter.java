package org.diffusionsoup.workbench.curate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.ShardParts;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.curate.Scores;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;

/**
 * Keeps the rows whose scores are high enough (paper, Section 6.1: an aesthetic score above 6). Two
 * passes; memory of one bit per row.
 *
 * @param rows that were looked at
 * @param kept rows that passed every criterion
 * @param judges who scored, in the criteria's order
 * @param means of each criterion's scores over all rows
 */
public record ScoreFilter(int rows, int kept, List<Judge> judges, List<Double> means) {
    public ScoreFilter {
        judges = List.copyOf(judges);
        means = List.copyOf(means);
    }

    /**
     * What a row must reach.
     *
     * @param scorer who scores each picture with its caption
     * @param least the lowest score that passes
     */
    public record Criterion(PictureScorer scorer, double least) {}

    /**
     * Scores and writes.
     *
     * @param criteria one or more
     * @throws SoupException if no row passes; nothing is written then
     */
    public static ScoreFilter run(
            ShardScan scan, List<Criterion> criteria, Path out, Progress progress) {
        BitSet keep = new BitSet();
        double[] sums = new double[criteria.size()];
        int rows =
                RowBatches.forEach(
                        scan,
                        "score " + scan.name(),
                        progress,
                        batch -> {
                            int from = batch.firstRow();
                            keep.set(from, from + batch.rows().size());
                            for (int c = 0; c < sums.length; c++) {
                                double[] scores =
                                        criteria.get(c)
                                                .scorer()
                                                .score(batch.pictures(), batch.captions());
                                for (int i = 0; i < scores.length; i++) {
                                    sums[c] += scores[i];
                                    // Not "<": a score that is no number does not pass.
                                    if (!(scores[i] >= criteria.get(c).least())) {
                                        keep.clear(from + i);
                                    }
                                }
                            }
                        });
        List<Double> means = new ArrayList<>();
        for (double sum : sums) {
            means.add(sum / Math.max(1, rows));
        }
        if (keep.isEmpty()) {
            throw new SoupException(
                    "No row of %d in %s passes; %s %s."
                            .formatted(
                                    rows,
                                    scan.ref(),
                                    means.size() == 1 ? "the mean score is" : "the mean scores are",
                                    text(means)));
        }
        ShardParts.write(
                scan,
                List.of(out),
                row -> keep.get(row) ? 0 : ShardParts.LEFT_OUT,
                new StageProgress(progress));
        return new ScoreFilter(
                rows,
                keep.cardinality(),
                criteria.stream().map(c -> c.scorer().judge()).toList(),
                means);
    }

    /** One score per row, 8 bytes each. */
    static Scores scores(ShardScan scan, PictureScorer scorer, Progress progress) {
        Scores all = new Scores();
        RowBatches.forEach(
                scan,
                "score " + scan.name(),
                progress,
                batch -> {
                    for (double s : scorer.score(batch.pictures(), batch.captions())) {
                        all.add(s);
                    }
                });
        return all;
    }

    private static String text(List<Double> means) {
        return means.stream()
                .map(mean -> String.format(Locale.ROOT, "%.4f", mean))
                .collect(Collectors.joining(" and "));
    }
}
