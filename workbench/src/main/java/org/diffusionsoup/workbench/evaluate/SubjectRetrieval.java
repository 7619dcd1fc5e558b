package org.diffusionsoup.workbench.evaluate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.eval.Retrieval;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Does the judge recognise what was drawn? One picture per subject; the judge compares it with the
 * prompts of all subjects, and the picture counts as recognised when its own prompt is among the k
 * most similar. Ties count against it.
 *
 * @param name of the model, or {@link PictureScores#REAL}
 * @param k how many prompts are looked at
 * @param found pictures whose prompt is among the k most similar
 * @param first pictures whose prompt is the most similar
 * @param medianRank middle rank of the pictures' own prompts, 1 for first
 * @param meanCosine of pictures with their own prompts
 */
public record SubjectRetrieval(
        String name,
        int k,
        Proportion found,
        Proportion first,
        double medianRank,
        double meanCosine) {

    /**
     * Figures of a model's pictures.
     *
     * @param subjects rows with different prompts, as {@link SubjectChoice} makes them; the picture
     *     of row i has the seed {@code firstSeed + i}
     */
    public static SubjectRetrieval generated(
            ClipJudge judge,
            Generator generator,
            Shard subjects,
            int k,
            long firstSeed,
            Progress progress) {
        requireK(k, subjects.size());
        List<String> prompts = prompts(subjects);
        List<Long> seeds = LongStream.range(firstSeed, firstSeed + prompts.size()).boxed().toList();
        List<RgbImage> pictures = generator.pictures(prompts, seeds, progress);
        return of(
                generator.name(),
                judge.cosines(pictures.stream().map(PictureScores::picture).toList(), prompts),
                k);
    }

    /** The same figures for the subjects' real pictures: how well the judge knows the subjects. */
    public static SubjectRetrieval real(ClipJudge judge, Shard subjects, int k, Progress progress) {
        requireK(k, subjects.size());
        progress.start("judge real pictures", subjects.size(), "images");
        List<Picture> pictures = PictureScores.pictures(subjects, 0, subjects.size());
        SubjectRetrieval result =
                of(PictureScores.REAL, judge.cosines(pictures, prompts(subjects)), k);
        progress.advance(subjects.size());
        return result;
    }

    /**
     * Figures of a similarity matrix.
     *
     * @param cosines [pictures][prompts], picture i drawn for prompt i
     * @throws SoupException if k is not between 1 and the number of prompts
     */
    public static SubjectRetrieval of(String name, double[][] cosines, int k) {
        int n = cosines.length;
        requireK(k, n);
        int[] own = IntStream.range(0, n).toArray();
        int[] ranks = Arrays.stream(own).map(i -> Retrieval.rank(cosines[i], i)).sorted().toArray();
        return new SubjectRetrieval(
                name,
                k,
                Retrieval.topK(cosines, own, k),
                Retrieval.topK(cosines, own, 1),
                (ranks[(n - 1) / 2] + ranks[n / 2]) / 2.0,
                Arrays.stream(own).mapToDouble(i -> cosines[i][i]).average().orElseThrow());
    }

    private static void requireK(int k, int subjects) {
        if (k < 1 || k > subjects) {
            throw new SoupException(
                    "`retrieval` must lie between 1 and the number of subjects, %d, not %d."
                            .formatted(subjects, k));
        }
    }

    /** How many subjects there were. */
    public int subjects() {
        return Math.toIntExact(found.total());
    }

    /** What guessing would find: k / subjects. */
    public double chance() {
        return (double) k / subjects();
    }

    private static List<String> prompts(Shard subjects) {
        List<String> prompts =
                new ArrayList<>(subjects.infos().stream().map(SampleInfo::prompt).toList());
        if (prompts.stream().distinct().count() < prompts.size()) {
            throw new IllegalArgumentException("subjects need different prompts");
        }
        return prompts;
    }
}
